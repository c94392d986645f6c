"""Where a report's numbers come from: the provenance files that its records name, as lines to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srbench.report.plain import plain
from srbench.store.aggregate import CellResult
from srbench.store.provenance import read_provenance


@dataclass(frozen=True)
class Origin:
    """One provenance: its id, what it says, as label and text, and the command as it was given."""

    id: str
    facts: tuple[tuple[str, str], ...]
    argv: tuple[str, ...] = ()


def origins(folder: Path, results: Iterable[CellResult]) -> list[Origin]:
    """The provenances of all items that are shown, by id; one whose file is gone has no facts.

    Raises:
        IntegrityError: a provenance file is no JSON.
    """
    return origins_named(folder, (item.record.provenance for result in results for item in result.items))


def origins_named(folder: Path, names: Iterable[str]) -> list[Origin]:
    """The provenances of a folder by their ids, each once; as `origins`.

    Raises:
        IntegrityError: a provenance file is no JSON.
    """
    return [_origin(name, read_provenance(folder, name)) for name in sorted(set(names) - {""})]


def _origin(name: str, named: Mapping[str, Any]) -> Origin:
    return Origin(plain(name), tuple(_facts(named)), tuple(_listed(named.get("argv"))))


def measured(folder: Path, results: Iterable[CellResult]) -> str:
    """``2026-11-22 to 2026-11-25 with srbench 0.1.0``: of the items that are shown, as their records say.

    Raises:
        IntegrityError: a provenance file is no JSON.
    """
    records = [item.record for result in results for item in result.items]
    days = sorted({record.time[:10] for record in records} - {""})
    names = sorted({record.provenance for record in records} - {""})
    versions = sorted({_words(read_provenance(folder, name).get("srbench")) for name in names} - {""})
    when = " to ".join([days[0], days[-1]] if len(days) > 1 else days)
    return plain(" with srbench ".join(part for part in (when, ", ".join(versions)) if part))


def _facts(named: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = {
        "srbench": _words(named.get("srbench"), named.get("commit"), "changed" if named.get("dirty") else ""),
        "command": _words(*_listed(named.get("argv"))),
        "machine": _machine(_mapped(named.get("machine"))),
        "system": _words(named.get("os")),
        "Python": _words(named.get("python")),
        "libraries": _pairs(named.get("libraries"), " "),
        "flags": _pairs(named.get("environment"), "="),
        "seeds": _pairs(named.get("seeds"), "="),
    }
    return [(label, plain(text)) for label, text in facts.items() if text]


def _machine(machine: Mapping[str, Any]) -> str:
    cores, memory = machine.get("physical_cores"), machine.get("ram_gb")
    sizes = [f"{cores} cores" if cores else "", f"{memory} GB" if memory else ""]
    return ", ".join(
        part for part in (_words(machine.get("cpu")), *sizes, *_listed(machine.get("gpus"))) if part
    )


def _words(*values: Any) -> str:
    return " ".join(str(value) for value in values if value)


def _pairs(named: Any, between: str) -> str:
    return ", ".join(
        f"{name}{between}{value}" for name, value in sorted(_mapped(named).items()) if value != ""
    )


def _listed(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _mapped(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
