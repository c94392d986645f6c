"""Options that several commands share, worded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from srbench.errors import UsageError
from srbench.types import DEGRADATIONS, FLAVOURS

SHIPPED_TIMINGS = Path("results/timings")
"""Where a checkout keeps timings of machines, a folder each."""

folder_option = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results/runs/main"),
    show_default=True,
    envvar="SRBENCH_RESULTS",
    metavar="DIR",
    help="Folder of the journal; another folder is another result set.",
)


def there_if_given(ctx: click.Context, param: click.Parameter, folder: Path) -> Path:
    """A folder that was given must exist; the default may be absent.

    Raises:
        UsageError: it was given, and is none.
    """
    default = ctx.get_parameter_source(param.name or "") is ParameterSource.DEFAULT
    if not default and not folder.is_dir():
        raise UsageError(f"a folder for {param.opts[0]}", f"no folder {folder}", "give one that exists")
    return folder


timings_option = click.option(
    "--timings",
    "timed",
    type=click.Path(path_type=Path),
    callback=there_if_given,
    default=SHIPPED_TIMINGS,
    show_default=True,
    metavar="DIR",
    help="Further timings, one folder for each machine.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, nothing else.")
plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A Python file that registers models, metrics or datasets.",
)


def timed_machines(folder: Path) -> list[Path]:
    """The folders below one that hold timings, a machine each."""
    return sorted(path.parent for path in folder.glob("*/timings.jsonl"))


def protocol_options(command: Any) -> Any:
    """``--protocol`` and those of its fields that users vary; each shows in the signature."""
    for option in (
        click.option(
            "--mean", type=click.Choice(["clip", "frame"]), help="Over a clip's frames first, or all frames."
        ),
        click.option(
            "--border", type=click.IntRange(min=0), metavar="N", help="Pixels left out at each edge."
        ),
        click.option(
            "--degradation", metavar="NAME", help=f"How LR is made: {', '.join(DEGRADATIONS)} (x4, clips)."
        ),
        click.option(
            "--gray", type=click.Choice(["rgb", "y"]), help="Gray images: as RGB, or left gray (Y)."
        ),
        click.option(
            "--flavour", metavar="NAME", help=f"imresize of the degradation: {', '.join(FLAVOURS)}."
        ),
        click.option(
            "--protocol", metavar="NAME", help="classic (stills), video (clips), vdsr, selfexsr, rgb."
        ),
    ):
        command = option(command)
    return command
