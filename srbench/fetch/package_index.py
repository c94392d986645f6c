"""Where a file of a named package lies: asked of the package index the user installs from."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pypi_simple

from srbench.fetch import download
from srbench.fetch.transfer import SourceError
from srbench.types import PackageFile

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def address_of(source: PackageFile) -> str:
    """The address of the archive `source.file`, as the first index that has it tells.

    Raises:
        SourceError: no index can be reached, or none has the file.
    """
    reasons: dict[str, None] = {}
    for index in dict.fromkeys(_indexes()):
        try:
            return _ask(index, source)
        except SourceError as failure:
            reasons[failure.reason] = None
    raise SourceError(", ".join(reasons))


def _indexes() -> Iterator[str]:
    """The user's own index, if one is set, and the public one. The digest decides, so either will do."""
    for own in (*(os.environ.get(name) for name in _VARIABLES), _from_pip_settings()):
        address = re.sub(r"^[\w-]+=", "", own or "")  # uv's form may be NAME=ADDRESS
        if address.startswith(("https://", "http://")):
            yield address.rstrip("/") + "/"
            break
    yield pypi_simple.PYPI_SIMPLE_ENDPOINT


def _from_pip_settings() -> str | None:
    """``index-url`` of the most specific pip settings file that has one."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with suppress(configparser.Error, OSError, UnicodeError):
        parser.read(_pip_settings())
    return parser.get("global", "index-url", fallback=None)


def _pip_settings() -> list[Path]:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    files = [Path("/etc/pip.conf"), config / "pip" / "pip.conf", Path(sys.prefix) / "pip.conf"]
    named = os.environ.get("PIP_CONFIG_FILE")
    return [*files, Path(named)] if named else files


def _ask(index: str, source: PackageFile) -> str:
    client = pypi_simple.PyPISimple(index, session=download.session())
    try:
        with download.reaching(index):
            page = client.get_project_page(
                source.package, timeout=(download.CONNECT_TIMEOUT, download.READ_TIMEOUT)
            )
    except pypi_simple.NoSuchProjectError:
        raise SourceError(f"the package index has no {source.package}") from None
    except (download.FalteringError, pypi_simple.UnsupportedContentTypeError, ValueError) as error:
        raise SourceError("the package index can't be read") from error
    found = next((file.url for file in page.packages if file.filename == source.file), None)
    if found is None:
        raise SourceError(f"the package index has no {source.file}")
    return found
