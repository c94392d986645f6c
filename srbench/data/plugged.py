"""Test sets that plugins bring: a manifest each, read once; a broken one is named and left out."""

from __future__ import annotations

from functools import cache

from srbench.data.manifest import Manifest, load_manifest
from srbench.errors import SrbenchError, UsageError
from srbench.registry import DatasetEntry, datasets, leave_out


def plugged(taken: tuple[str, ...]) -> dict[str, Manifest]:
    """The manifests of plugins' test sets, by name.

    Args:
        taken: names that are srbench's own.
    """
    found = {name: _manifest(entry, taken) for name, entry in datasets().items()}
    return {name: manifest for name, manifest in found.items() if manifest is not None}


@cache
def _manifest(entry: DatasetEntry, taken: tuple[str, ...]) -> Manifest | None:
    try:
        return _read(entry, taken)
    except (SrbenchError, OSError, UnicodeDecodeError) as error:
        leave_out(entry.name, " ".join(f"{type(error).__name__}: {error}".split()))
        return None


def _read(entry: DatasetEntry, taken: tuple[str, ...]) -> Manifest:
    if entry.name in taken:
        raise UsageError("a new name", f"{entry.name!r}, srbench's own", "choose another name")
    manifest = load_manifest(entry.manifest.read_text("utf-8"), entry.manifest.name)
    if manifest.name != entry.name:
        raise UsageError(f"the manifest of {entry.name}", repr(manifest.name), "register it by its name")
    return manifest
