"""The places a file may come from, each turned into bytes in a part file or a file that is already here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from srbench.fetch.transfer import SourceError
from srbench.types import LocalPath, PackageResource, Url


def offline() -> bool:
    """Whether ``SRBENCH_OFFLINE`` forbids the network."""
    return os.environ.get("SRBENCH_OFFLINE", "0") not in ("", "0")


@contextmanager
def offline_mode(wanted: bool = True) -> Iterator[None]:
    """Forbid the network while in this block, for processes started in it too."""
    before = os.environ.get("SRBENCH_OFFLINE")
    if wanted:
        os.environ["SRBENCH_OFFLINE"] = "1"
    try:
        yield
    finally:
        if wanted:
            os.environ.pop("SRBENCH_OFFLINE", None)
        if before is not None:
            os.environ["SRBENCH_OFFLINE"] = before


def mirrored(source: Url) -> Path | None:
    """The file of ``SRBENCH_MIRROR`` that stands for an address: HOST/PATH, percent-decoded.

    None if no mirror is set, it lacks the file, or the address would leave its folder.
    """
    root = os.environ.get("SRBENCH_MIRROR")
    if not root:
        return None
    parts = urlsplit(source.address)
    with suppress(SourceError):
        return _inside(Path(root).expanduser(), f"{parts.netloc}/{unquote(parts.path).lstrip('/')}")
    return None


def mirror_advice(otherwise: str) -> str:
    """What to do when a file can't be had: a mirror that was named and is no folder comes first."""
    root = os.environ.get("SRBENCH_MIRROR")
    if root and not Path(root).expanduser().is_dir():
        return f"SRBENCH_MIRROR is not a folder: {root}"
    return otherwise


def in_place(source: PackageResource | LocalPath) -> Path:
    """The file itself: it is used where it lies, not copied.

    Raises:
        SourceError: there is no such package or file.
    """
    if isinstance(source, LocalPath):
        path = Path(source.path).expanduser().absolute()
        if not path.is_file():
            raise SourceError(f"no file {path}")
        return path
    for folder in _package_folders(source.package):
        found = _inside(folder, source.path)
        if found is not None:
            return found
    raise SourceError(f"the installed {source.package} has no {source.path}")


def _package_folders(package: str) -> list[Path]:
    """Folders of an installed package, found without importing it (so a dotted name is refused)."""
    if not package.isidentifier():
        raise SourceError(f"{package!r} is no top-level package")
    try:
        spec = find_spec(package)
    except ValueError:  # a module without a spec, such as __main__
        spec = None
    if spec is None or spec.submodule_search_locations is None:
        raise SourceError(f"the package {package} is not installed")
    return [Path(folder) for folder in spec.submodule_search_locations]


def _inside(folder: Path, relative: str) -> Path | None:
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or "\\" in relative or "\0" in relative:
        raise SourceError(f"{relative!r} leaves its folder", wrong=True)
    found = folder / path
    return found.absolute() if found.is_file() else None
