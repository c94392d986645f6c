"""``srbench schema``: what the JSON of other commands looks like, for programs that read it."""

from __future__ import annotations

from importlib.resources import files

import click

from srbench.errors import UsageError

SCHEMAS = {
    "results": "run, score and list results with --json",
    "record": "a line of a journal",
    "verdicts": "gate and compare with --format json",
    "explained": "explain with --json",
    "leaderboard": "report --format json",
}


def schema_text(name: str) -> str:
    """A schema's text: JSON Schema, draft 2020-12.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in SCHEMAS:
        raise UsageError("a schema", repr(name), f"use one of {', '.join(SCHEMAS)}")
    return (files("srbench") / "schemas" / f"{name}.json").read_text("utf-8")


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> int:
    """Print the JSON Schema (draft 2020-12) of an output; the names if none is given.

    \b
    srbench schema
    srbench schema verdicts > verdicts.schema.json
    """
    if name is None:
        for known, what in SCHEMAS.items():
            click.echo(f"{known:<12} {what}")
    else:
        click.echo(schema_text(name), nl=False)
    return 0
