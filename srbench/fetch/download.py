"""One file over HTTP: resumed where it was cut, retried when the server falters, never believed."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import MaxRetryError

from srbench.fetch.digests import begins_as_html
from srbench.fetch.transfer import SourceError, Transfer, write_all, writing
from srbench.types import Asset

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
"""Seconds without a byte."""
PAUSES = (0.5, 2.0)
"""Seconds to wait before the second and the third try."""
_LONGEST_PAUSE = 10.0
_CHUNK = 1 << 16
_NO_CONNECTION = (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.SSLError)
_BROKEN = (requests.Timeout, requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
_FALTERING = (408, 425, 429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

_unreachable: dict[str, str] = {}
"""Hosts this process could not connect to, and why: a hundred files must not wait a hundred times."""
_local = threading.local()


class FalteringError(Exception):
    """The server faltered; another try may succeed, from where this one stopped."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


def download(address: str, part: Path, asset: Asset, transfer: Transfer) -> None:
    """Append to `part` what it lacks of the file at `address`; its digest is checked by the caller.

    Raises:
        SourceError: the file can't be had from there, or an HTML page comes, or another size.
        StorageError: the disk is full.
    """
    for pause in (*PAUSES, None):
        transfer.check()
        try:
            _receive(address, part, asset, transfer)
        except FalteringError as again:
            if pause is None:
                raise SourceError(f"{host_of(address)}: {again.reason}, {len(PAUSES) + 1} times") from again
            transfer.pause(min(max(pause, again.after), _LONGEST_PAUSE))
        else:
            return


def host_of(address: str) -> str:
    """The host (and port) of an address, without a user's name or password.

    Raises:
        SourceError: it is no http or https address.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError("no http(s) address")
    return parts.netloc.rpartition("@")[2]


def session() -> requests.Session:
    """This thread's session, so that many small files from one host share a connection."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        _local.session.headers.update({"User-Agent": "srbench", "Accept-Encoding": "identity"})
    found: requests.Session = _local.session
    return found


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Around a request: a host that can't be connected to is remembered and not tried again.

    Raises:
        SourceError: the host can't be connected to, now or earlier in this process.
        FalteringError: the connection broke later.
    """
    host = host_of(address)
    if host in _unreachable:
        raise SourceError(f"{host}: {_unreachable[host]}")
    try:
        yield
    except _BROKEN as error:
        if not _never_connected(error):
            raise FalteringError("the connection broke or stalled") from error
        _unreachable[host] = _why(error)
        raise SourceError(f"{host}: {_unreachable[host]}") from error
    except requests.RequestException as error:
        raise SourceError(f"{host}: {type(error).__name__}") from error


def _never_connected(error: requests.RequestException) -> bool:
    if isinstance(error, _NO_CONNECTION):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(cause, MaxRetryError)


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "can't be trusted (TLS)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "can't be reached through the proxy"
    return "can't be connected to"


def _receive(address: str, part: Path, asset: Asset, transfer: Transfer) -> None:
    with writing(part):
        have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with reaching(address):
        response = session().get(
            address, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
        )
        with response:
            _refuse_status(response, part)
            start, total = _extent(response, have)
            transfer.meter.expect(asset, total)
            _append(_body(response, asset, start, total), part, start, asset, transfer)
    if total is not None and part.stat().st_size < total:
        raise FalteringError("the connection was closed early")


def _refuse_status(response: requests.Response, part: Path) -> None:
    if response.status_code == 416:  # the part is longer than the file: not a part of it
        part.unlink(missing_ok=True)
        raise FalteringError("refused to resume")
    if response.status_code in _FALTERING:
        raise FalteringError(f"HTTP {response.status_code}", _retry_after(response))
    if response.status_code not in (200, 206):
        raise SourceError(f"{host_of(response.url)}: HTTP {response.status_code}")


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _extent(response: requests.Response, have: int) -> tuple[int, int | None]:
    """Where the body starts in the file, and the file's whole size if the server tells it.

    A server that ignores the range sends the file anew; an answer to another range is refused.
    """
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        return 0, int(length) if length.isdecimal() and not encoded else None
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != have:
        raise SourceError(f"{host_of(response.url)}: an answer to another range than asked")
    return have, None if found[2] == "*" else int(found[2])


def _body(response: requests.Response, asset: Asset, start: int, total: int | None) -> Iterator[bytes]:
    """The chunks of an answer that looks like the file; an error page does not get that far."""
    chunks = response.iter_content(_CHUNK)
    first = next(chunks, b"")
    if start == 0 and _is_html(response, first):
        raise SourceError(f"an HTML page from {response.url}", wrong=True)
    if asset.size is not None and total not in (None, asset.size):
        raise SourceError(f"{total} bytes instead of {asset.size} from {response.url}", wrong=True)
    return chain([first], chunks)


def _is_html(response: requests.Response, first: bytes) -> bool:
    named = response.headers.get("Content-Type", "").startswith(("text/html", "application/xhtml"))
    return begins_as_html(first) or (named and first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"))


def _append(chunks: Iterator[bytes], part: Path, start: int, asset: Asset, transfer: Transfer) -> None:
    received = start
    with writing(part):
        file = part.open("ab" if start else "wb", buffering=0)
    with file:
        for chunk in chunks:
            transfer.check()
            received += len(chunk)
            if asset.size is not None and received > asset.size:
                raise SourceError(f"more than {asset.size} bytes", wrong=True)
            with writing(part):
                write_all(file, chunk)
            transfer.meter.at(asset, received)
