"""Members of archives: read by name, nothing else unpacked, nothing outside reached."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.errors import StorageError
from srbench.fetch import archive
from srbench.fetch.transfer import SourceError, Transfer

Pack = Callable[[Path, dict[str, bytes]], Path]


def pack_tar(path: Path, members: dict[str, bytes]) -> Path:
    """A tar.gz with the members as they are named, however wickedly."""
    with tarfile.open(path, "w:gz") as packed:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            packed.addfile(info, io.BytesIO(body))
    return path


def pack_zip(path: Path, members: dict[str, bytes]) -> Path:
    """A zip (wheel) with the members as they are named."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in members.items():
            packed.writestr(zipfile.ZipInfo(name), body)
    return path


both = pytest.mark.parametrize("pack", [pack_tar, pack_zip])


def copy(packed: Path, member: str, part: Path, size: int | None = None) -> bytes:
    """The member's bytes, by way of the part file."""
    archive.copy_member(packed, member, part, size, Transfer())
    return part.read_bytes()


@both
def test_a_member_is_copied_and_nothing_else(pack: Pack, tmp_path: Path) -> None:
    """Only the part file appears, even beside members that would climb out."""
    home = tmp_path / "deep" / "home"
    home.mkdir(parents=True)
    members = {"../../slip": b"x", "/abs-slip": b"x", "p/setup.py": b"x", "p/a.ckpt": b"weights"}
    packed = pack(home / "archive", members)
    assert copy(packed, "p/a.ckpt", home / "part", 7) == b"weights"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["archive", "deep", "home", "part"]


@both
@pytest.mark.parametrize("member", ["../slip", "p/../../slip", "/slip", "..\\slip", "C:/slip", ""])
def test_a_member_that_leaves_its_archive_is_refused(pack: Pack, member: str, tmp_path: Path) -> None:
    """A path that climbs is not looked up, even if the archive has it."""
    packed = pack(tmp_path / "archive", {member or "x": b"x"})
    with pytest.raises(SourceError, match="leaves its archive"):
        copy(packed, member, tmp_path / "part")
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_link_is_not_followed(kind: bytes, tmp_path: Path) -> None:
    """A member that is a link to /etc/passwd, a folder or a device is no file."""
    with tarfile.open(tmp_path / "archive", "w:gz") as packed:
        info = tarfile.TarInfo("p/a.ckpt")
        info.type, info.linkname = kind, "/etc/passwd"
        packed.addfile(info)
    with pytest.raises(SourceError, match="no regular file"):
        copy(tmp_path / "archive", "p/a.ckpt", tmp_path / "part")


@both
def test_a_missing_member_is_named(pack: Pack, tmp_path: Path) -> None:
    """The reason says which member is missing."""
    packed = pack(tmp_path / "archive", {"p/b": b""})
    with pytest.raises(SourceError, match="no member 'p/a'"):
        copy(packed, "p/a", tmp_path / "part")


@both
def test_another_size_is_refused_before_a_byte_is_written(pack: Pack, tmp_path: Path) -> None:
    """A member that declares another size than pinned is not unpacked."""
    packed = pack(tmp_path / "archive", {"p/a": bytes(10_000_000)})
    with pytest.raises(SourceError, match="expected 7 bytes, got 10000000"):
        copy(packed, "p/a", tmp_path / "part", 7)
    assert not (tmp_path / "part").exists()


@both
def test_a_bomb_is_refused(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a pinned size there is still a largest one."""
    monkeypatch.setattr(archive, "_LARGEST", 1000)
    packed = pack(tmp_path / "archive", {"p/a": bytes(1001)})
    with pytest.raises(SourceError, match="at most 1000"):
        copy(packed, "p/a", tmp_path / "part")


@both
def test_an_empty_member_is_an_empty_file(pack: Pack, tmp_path: Path) -> None:
    """Zero bytes are a file too."""
    assert copy(pack(tmp_path / "archive", {"p/a": b""}), "p/a", tmp_path / "part", 0) == b""


@both
@given(cut=st.integers(0, 400), flip=st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_a_damaged_archive_is_a_failed_source(
    pack: Pack, cut: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Damage anywhere ends in the right bytes or in a SourceError, never in another exception."""
    folder = tmp_path_factory.mktemp("damaged")
    body = bytes(range(256)) * 4
    packed = pack(folder / "archive", {"p/a": body})
    data = bytearray(packed.read_bytes())
    position = cut % len(data)
    data[position] ^= flip
    packed.write_bytes(data[: len(data) - (cut if flip == 0 else 0)])
    with suppress(SourceError):
        assert len(copy(packed, "p/a", folder / "part")) <= len(body)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
@both
def test_a_full_disk_while_unpacking_is_a_storage_error(pack: Pack, tmp_path: Path) -> None:
    """A disk without room is not taken for a damaged archive."""
    packed = pack(tmp_path / "archive", {"p/a": b"weights"})
    with pytest.raises(StorageError, match="No space left"):
        archive.copy_member(packed, "p/a", Path("/dev/full"), None, Transfer())


def test_an_interrupt_ends_unpacking(tmp_path: Path) -> None:
    """The flag that Ctrl-C sets is looked at between chunks."""
    packed, transfer = pack_tar(tmp_path / "archive", {"p/a": b"weights"}), Transfer()
    transfer.stop.set()
    with pytest.raises(SourceError, match="interrupted"):
        archive.copy_member(packed, "p/a", tmp_path / "part", None, transfer)
