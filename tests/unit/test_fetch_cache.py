"""The cache: where files lie, when they are hashed, and what happens to one that has changed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.errors import IntegrityError, SrbenchError, Unavailable, UsageError
from srbench.fetch import cached, digests, fetch, fetch_many, home, offline_mode, sources, verify
from srbench.fetch.home import slot
from srbench.types import Asset, LocalPath, PackageResource, Source, Url

BODY = b"the right bytes"
SHA256 = hashlib.sha256(BODY).hexdigest()
ADDRESS = "https://host.invalid/owner/Frame%20001.png"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test alone, and no network."""
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    return tmp_path / "home"


@pytest.fixture
def asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asset:
    """An asset that the mirror has."""
    monkeypatch.setenv("SRBENCH_MIRROR", str(tmp_path / "mirror"))
    copy = tmp_path / "mirror" / "host.invalid" / "owner" / "Frame 001.png"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(BODY)
    return Asset("set/Frame 001.png", (Url(ADDRESS),), SHA256, len(BODY))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were hashed, in order."""
    seen: list[Path] = []
    real = digests.sha256_of

    def counting(path: Path) -> str:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(digests, "sha256_of", counting)
    return seen


def local(path: Path | str, sha256: str = SHA256, size: int | None = None) -> Asset:
    """An asset on this machine."""
    return Asset("a.png", (LocalPath(str(path)),), sha256, size)


# -------------------------------------------------------------------------------- home


def test_home_is_the_variable_or_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """SRBENCH_HOME wins, with ~ expanded; without it the system's cache folder for srbench is used."""
    monkeypatch.setenv("SRBENCH_HOME", "~/elsewhere")
    assert home() == Path.home() / "elsewhere"
    monkeypatch.delenv("SRBENCH_HOME")
    assert "srbench" in home().parts


def test_a_slot_is_named_by_digest_and_name(own_home: Path) -> None:
    """The digest, in lower case, is the folder; only the last part of a name is the file's."""
    expected = own_home / "assets" / SHA256[:2] / SHA256 / "a.png"
    assert slot(Asset("set5/a.png", (), SHA256.upper())) == expected


@given(name=st.text(max_size=30))
def test_no_name_leaves_its_folder(name: str) -> None:
    """Whatever an asset is called, its file is directly in the folder of its digest, or it is refused."""
    try:
        path = slot(Asset(name, (), SHA256))
    except UsageError:
        return
    assert path.parent.name == SHA256
    assert path.name not in ("", ".", "..")
    assert os.path.normpath(path) == str(path)


@pytest.mark.parametrize("name", ["", ".", "..", "a/", "a/..", "a\\.."])
def test_a_name_that_is_no_file_is_refused(name: str) -> None:
    """A folder is no file name."""
    with pytest.raises(UsageError, match="a file name"):
        slot(Asset(name, (), SHA256))


@pytest.mark.parametrize("sha256", ["", "1234567", "g" * 64, "0" * 65, "../" * 4 + "aaaa"])
def test_a_malformed_digest_is_refused(sha256: str) -> None:
    """Fewer than eight digits pin nothing, and a digest is no path."""
    with pytest.raises(UsageError, match="8 to 64 hex digits"):
        fetch(Asset("a.png", (), sha256))


@pytest.mark.parametrize("call", [fetch, lambda asset: next(iter(fetch_many([asset]).values()))])
def test_an_unwritable_home_is_one_line(
    call: object, asset: Asset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache folder that can't be made is a usage error, and a reason to skip, that names the variable."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SRBENCH_HOME", str(tmp_path / "file" / "home"))
    assert callable(call)
    try:
        outcome = call(asset)
    except SrbenchError as error:
        outcome = error
    assert isinstance(outcome, UsageError)
    assert isinstance(outcome, Unavailable)
    assert outcome.exit_code == 2
    assert "SRBENCH_HOME" in str(outcome)
    assert "Not a directory" in str(outcome)


# ------------------------------------------------------------------------------- mirror


@pytest.mark.parametrize("mirror", ["nowhere", "file", "https://host.invalid/mirror"])
def test_a_mirror_that_is_no_folder_is_named(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing folder, a file or an address in SRBENCH_MIRROR is called wrong where a file can't be had."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRBENCH_MIRROR", mirror)
    with pytest.raises(Unavailable) as caught:
        fetch(Asset("a.png", (Url(ADDRESS),), SHA256))
    assert caught.value.hint == f"SRBENCH_MIRROR is not a folder: {mirror}"


def test_a_good_or_absent_mirror_is_not_called_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, and with a folder that lacks the file, the advice is the usual one."""
    asked = Asset("a.png", (Url(ADDRESS),), SHA256)
    for mirror in ("", str(tmp_path)):
        monkeypatch.setenv("SRBENCH_MIRROR", mirror)
        with pytest.raises(Unavailable) as caught:
            fetch(asked)
        assert caught.value.hint.startswith("check the network")


@pytest.mark.parametrize("page", [b"<html>sign in</html>", b"\xef\xbb\xbf\n<!DOCTYPE html><title>x</title>"])
@pytest.mark.parametrize("size", [None, len(BODY)])
def test_a_web_page_in_the_mirror_is_called_one(
    asset: Asset, tmp_path: Path, page: bytes, size: int | None
) -> None:
    """A sign-in page saved under an image's name is named as a page, with its path."""
    copy = next((tmp_path / "mirror").rglob("*.png"))
    copy.write_bytes(page)
    with pytest.raises(IntegrityError, match="an HTML page") as caught:
        fetch(Asset(asset.name, asset.sources, SHA256, size))
    assert str(copy) in str(caught.value)


def test_a_web_page_in_a_local_place_is_called_one(tmp_path: Path) -> None:
    """Fetched or verified, a local file that is a page is named as such."""
    (tmp_path / "a.png").write_bytes(b"<html>sign in</html>")
    for call in (fetch, verify):
        with pytest.raises(IntegrityError, match="an HTML page"):
            call(local(tmp_path / "a.png"))


def test_the_mirror_holds_percent_decoded_paths(asset: Asset) -> None:
    """HOST/PATH with blanks for %20 is found, copied and verified, even offline."""
    assert fetch(asset).read_bytes() == BODY
    assert fetch(asset) == slot(asset)


def test_a_rotten_mirror_offline_is_an_integrity_error(asset: Asset, tmp_path: Path) -> None:
    """The digest found in the mirror is told, and its path."""
    copy = next((tmp_path / "mirror").rglob("*.png"))
    copy.write_bytes(b"rotten")
    with pytest.raises(IntegrityError) as caught:
        fetch(asset)
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(b"rotten").hexdigest() in str(caught.value)
    assert str(copy) in str(caught.value)
    assert not slot(asset).exists()


@pytest.mark.parametrize("path", ["../secret", "a/%2e%2e/%2e%2e/secret", "a/..%2f..%2fsecret", "..%5csecret"])
def test_an_address_does_not_leave_the_mirror(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address with .. finds nothing outside its host's folder."""
    monkeypatch.setenv("SRBENCH_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror" / "h" / "a").mkdir(parents=True)
    (tmp_path / "mirror" / "secret").write_bytes(BODY)
    (tmp_path / "secret").write_bytes(BODY)
    assert sources.mirrored(Url(f"https://h/{path}")) is None


def test_the_whole_mirror_is_fetched_through_it(mirror: Path) -> None:
    """Real files of the mirror, one of each kind, come through with their published digests."""
    root = "https://raw.githubusercontent.com/chxy95/SRCNN/b2d43e3d605b751cd6cd0290047f24932d159185"
    sha256 = "cb238762b6fa53b7b9c7a8bf867f03ed9b307ea242e0e661daf96b6ac6c7d80a"
    assert fetch(Asset("weights.pkl", (Url(f"{root}/model/weights.pkl"),), sha256, 33578)).is_file()


# -------------------------------------------------------------------------------- digests


def test_a_cached_file_is_not_hashed_again(asset: Asset, hashed: list[Path]) -> None:
    """One hashing when it arrives, none later in this process."""
    fetch(asset)
    del hashed[:]
    assert fetch(asset) == cached(asset) == slot(asset)
    assert hashed == []


def test_the_next_process_remembers_the_digest(asset: Asset, hashed: list[Path]) -> None:
    """The note of an earlier process is believed as long as size and time fit."""
    fetch(asset)
    digests._index.cache_clear()
    del hashed[:]
    assert cached(asset) == slot(asset)
    assert hashed == []


def test_torn_notes_cost_only_a_hashing(asset: Asset, hashed: list[Path], own_home: Path) -> None:
    """A journal of digests cut in a line, or full of nonsense, is not trusted and does not fail."""
    fetch(asset)
    notes = own_home / "hashed.jsonl"
    notes.write_bytes(b'\xff[]\n{}\n["x"]\n' + notes.read_bytes()[:-9])
    digests._index.cache_clear()
    del hashed[:]
    assert cached(asset) == slot(asset)
    assert hashed == [slot(asset)]


def test_a_note_for_another_digest_is_no_proof(asset: Asset, own_home: Path) -> None:
    """What is remembered is the file's digest, not that it was right."""
    fetch(asset)
    other = Asset(asset.name, (), "0" * 64)
    slot(other).parent.mkdir(parents=True)
    slot(other).write_bytes(BODY)
    assert cached(other) is None
    assert json.loads((own_home / "hashed.jsonl").read_text().splitlines()[-1])[3] == SHA256


def test_a_file_touched_but_right_is_kept(asset: Asset, hashed: list[Path]) -> None:
    """A new time of change costs one hashing, then the file is known again."""
    path = fetch(asset)
    os.utime(path, ns=(1, 1))
    del hashed[:]
    assert cached(asset) == cached(asset) == path
    assert hashed == [path]


def test_a_users_file_is_hashed_again_only_when_it_changed(tmp_path: Path, hashed: list[Path]) -> None:
    """Size or time of change tell; the next process believes the note too."""
    path = tmp_path / "weights.pth"
    change(path, b"one")
    first = digests.known_sha256(path)
    digests._index.cache_clear()
    assert digests.known_sha256(path) == first
    assert hashed == [path]
    path.write_bytes(b"two")
    assert digests.known_sha256(path) != first


def test_a_file_written_just_now_is_not_noted(tmp_path: Path) -> None:
    """It may be written again within the clock's grain, with the same size and time."""
    path = tmp_path / "weights.pth"
    path.write_bytes(b"one")
    now = path.stat().st_mtime_ns
    first = digests.known_sha256(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(now, now))
    assert digests.known_sha256(path) != first


def change(path: Path, body: bytes) -> None:
    """Other bytes, and a time of change that differs whatever the clock's grain."""
    path.write_bytes(body)
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("body", [b"the wrong bytes", b"short", b""])
def test_a_changed_file_is_fetched_again_with_a_warning(
    asset: Asset, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A rotten cache heals itself, and says so."""
    change(fetch(asset), body)
    assert cached(asset) is None
    assert fetch(asset).read_bytes() == BODY
    assert "has changed since it was fetched" in caplog.text


def test_a_changed_file_that_cannot_be_fetched_is_an_integrity_error(
    asset: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a source a rotten file is reported, never handed out."""
    change(fetch(asset), b"the wrong bytes")
    monkeypatch.delenv("SRBENCH_MIRROR")
    with pytest.raises(IntegrityError, match=r"has changed since it was fetched; offline"):
        fetch(asset)


def test_verify_hashes_whatever_is_remembered(asset: Asset) -> None:
    """A change that keeps size and time is found by verify, as nothing else can."""
    path = fetch(asset)
    verify(asset)
    stat = path.stat()
    path.write_bytes(b"the wrong bytes")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert cached(asset) == path
    with pytest.raises(IntegrityError, match=hashlib.sha256(b"the wrong bytes").hexdigest()):
        verify(asset)


def test_verify_of_nothing_is_unavailable(asset: Asset) -> None:
    """What was never fetched can't be verified."""
    with pytest.raises(Unavailable, match="in the cache"):
        verify(asset)


@pytest.mark.parametrize(("size", "good"), [(None, True), (len(BODY), True), (len(BODY) + 1, False)])
def test_a_pinned_size_is_checked(tmp_path: Path, size: int | None, good: bool) -> None:
    """A size that differs is a mismatch even with the right digest."""
    (tmp_path / "a").write_bytes(BODY)
    assert (cached(local(tmp_path / "a", size=size)) is not None) == good


@pytest.mark.parametrize("digits", [8, 16, 64])
def test_a_prefix_of_the_digest_is_compared_as_such(tmp_path: Path, digits: int) -> None:
    """Eight or more digits must be the first ones."""
    (tmp_path / "a").write_bytes(BODY)
    assert cached(local(tmp_path / "a", SHA256[:digits])) is not None
    assert cached(local(tmp_path / "a", SHA256[1 : digits + 1].ljust(digits, "0"))) is None


# -------------------------------------------------------------------------------- in place


def test_a_local_file_is_used_where_it_lies(tmp_path: Path, own_home: Path) -> None:
    """No copy is made of what is on this machine already."""
    (tmp_path / "a").write_bytes(BODY)
    assert fetch(local(tmp_path / "a")) == tmp_path / "a"
    assert not (own_home / "assets").exists()


def test_a_local_file_of_other_bytes_is_an_integrity_error(tmp_path: Path) -> None:
    """The message has the file and its digest."""
    (tmp_path / "a").write_bytes(b"other")
    with pytest.raises(
        IntegrityError, match=f"{tmp_path / 'a'}: sha256 {hashlib.sha256(b'other').hexdigest()}"
    ):
        fetch(local(tmp_path / "a"))


def test_a_missing_local_file_is_unavailable(tmp_path: Path) -> None:
    """The message has the path."""
    with pytest.raises(Unavailable, match=f"no file {tmp_path / 'a'}"):
        fetch(local(tmp_path / "a"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package that must not be imported."""
    folder = tmp_path / "site" / "booby_trapped"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "weights.bin").write_bytes(BODY)
    (tmp_path / "site" / "outside").write_bytes(BODY)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return "booby_trapped"


def test_a_packages_file_is_found_without_importing_it(package: str, tmp_path: Path) -> None:
    """The package's code does not run."""
    found = fetch(Asset("a", (PackageResource(package, "weights.bin"),), SHA256))
    assert found == tmp_path / "site" / package / "weights.bin"
    assert package not in sys.modules


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("booby_trapped", "missing.bin", "has no missing.bin"),
        ("booby_trapped", "../outside", "leaves its folder"),
        ("booby_trapped.sub", "weights.bin", "no top-level package"),
        ("surely_not_installed", "weights.bin", "not installed"),
        ("__main__", "weights.bin", "not installed"),
        ("json.tool", "x", "no top-level package"),
    ],
)
@pytest.mark.usefixtures("package")
def test_what_a_package_does_not_have_is_explained(name: str, path: str, reason: str) -> None:
    """A missing package, a missing file, a climbing path and a dotted name each have their reason."""
    with pytest.raises(SrbenchError, match=reason):
        fetch(Asset("a", (PackageResource(name, path),), SHA256))


def test_sources_are_tried_in_order(asset: Asset, tmp_path: Path, package: str) -> None:
    """The first source that has the right bytes wins."""
    missing: tuple[Source, ...] = (LocalPath(str(tmp_path / "none")), PackageResource(package, "weights.bin"))
    assert fetch(Asset("a", (*missing, *asset.sources), SHA256)).name == "weights.bin"


# -------------------------------------------------------------------------------- offline


def test_no_source_is_unavailable() -> None:
    """An asset that nobody offers says so."""
    with pytest.raises(Unavailable, match="no source"):
        fetch(Asset("a", (), SHA256))


@pytest.mark.parametrize(
    ("before", "wanted", "within"), [(None, True, True), (None, False, False), ("1", False, True)]
)
def test_offline_mode_lasts_as_long_as_its_block(
    before: str | None, wanted: bool, within: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment is as it was afterwards."""
    monkeypatch.delenv("SRBENCH_OFFLINE")
    if before is not None:
        monkeypatch.setenv("SRBENCH_OFFLINE", before)
    with offline_mode(wanted):
        assert sources.offline() == within
    assert os.environ.get("SRBENCH_OFFLINE") == before


def test_importing_fetch_is_cheap() -> None:
    """Planning asks what is cached without loading requests, NumPy or PyTorch."""
    root = Path(__file__).resolve().parents[2]
    code = (
        "import sys; from srbench.fetch import cached; from srbench.types import Asset; "
        f"cached(Asset('a', (), {SHA256!r})); "
        "print([name for name in ('requests', 'numpy', 'torch') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert run.stdout == "[]\n"
