"""Provenance: what a number may depend on, and nothing that names a person or a host."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import socket
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import srbench
from srbench.errors import IntegrityError, StorageError
from srbench.store import provenance
from srbench.store.provenance import LIBRARIES, collect, read_provenance, shorten_paths, write_provenance


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as somebody."""
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_what_ran_is_told() -> None:
    """Version, Python, machine, command and seeds are there, and the time is UTC."""
    found = collect(["srbench", "run"], seeds={"torch": 7})
    assert found.srbench == srbench.__version__
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in found.python
    assert found.machine.cpu
    assert found.machine.logical_cores >= found.machine.physical_cores >= 0
    assert found.machine.ram_gb > 0.1
    assert (found.argv, found.seeds) == (("srbench", "run"), {"torch": 7})
    assert found.time.endswith("Z")


def test_libraries_are_told_without_importing_them() -> None:
    """Versions are those of the installed distributions; none of them is loaded for it."""
    code = (
        "import sys\nfrom srbench.store.provenance import collect\nfound = collect([]).libraries\n"
        "print([m for m in ('torch', 'torchvision', 'numpy', 'cv2', 'PIL', 'scipy') if m in sys.modules])\n"
        "print(found['numpy'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines() == ["[]", version("numpy")]
    assert set(collect([]).libraries) == set(LIBRARIES)


def test_a_library_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that is not installed is an empty text, not a failure."""
    monkeypatch.setattr(provenance, "LIBRARIES", ("no-such-distribution-here",))
    assert collect([]).libraries == {"no-such-distribution-here": ""}


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("run", "run"),
        ("x4", "x4"),
        ("../shared/set5", "../shared/set5"),
        ("results/runs/main", "results/runs/main"),
        ("/home/ada/venv/bin/srbench", "…/srbench"),
        ("--out=/home/ada/my results/x", "--out=…/x"),
        ("folder:/data/ada/out,bicubic:matlab-replicate-u8", "folder:…/out,bicubic:matlab-replicate-u8"),
        ("C:\\Users\\ada\\x", "…/x"),
        ("/home/ada/", "…"),
        ("~/ada", "…/ada"),
        ("and/or", "and/or"),
    ],
)
def test_absolute_paths_are_shortened(argument: str, shown: str) -> None:
    """An absolute path keeps its last name alone; a relative one stays."""
    assert shorten_paths(argument) == shown


def test_nobody_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither user, host, home nor a secret of the environment is in the file."""
    monkeypatch.setenv("SRBENCH_HOME", "/home/ada-lovelace/.cache/srbench")
    monkeypatch.setenv("SRBENCH_TOKEN", "s3cr3t-one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t-two")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = collect(["/home/ada-lovelace/bin/srbench", "run", "--out", str(Path.home() / "x")])
    text = write_provenance(tmp_path, found).read_text()
    assert found.environment["OMP_NUM_THREADS"] == "3"
    assert found.environment["SRBENCH_HOME"] == "…/srbench"
    for secret in ("ada-lovelace", "s3cr3t", "SRBENCH_TOKEN", socket.gethostname(), str(Path.home()) + "/"):
        assert secret not in text
    assert getpass.getuser() not in " ".join(found.argv)


def test_the_id_is_of_the_content_without_the_time() -> None:
    """The same run at another time has the same id; any other difference gives another."""
    found = collect(["srbench"])
    assert len(found.id) == 16
    assert dataclasses.replace(found, time="2030-01-01T00:00:00Z").id == found.id
    for change in ({"argv": ("other",)}, {"commit": "1"}, {"dirty": not found.dirty}, {"seeds": {"a": 1}}):
        assert dataclasses.replace(found, **change).id != found.id
    machine = dataclasses.replace(found.machine, logical_cores=999)
    assert dataclasses.replace(found, machine=machine).id != found.id


def test_a_checkout_has_its_commit(tmp_path: Path) -> None:
    """A checkout's commit is told, and whether anything in it was changed."""
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "a")
    assert provenance._checkout(tmp_path) == (git(tmp_path, "rev-parse", "HEAD"), False)
    (tmp_path / "a").write_text("2")
    assert provenance._checkout(tmp_path) == (git(tmp_path, "rev-parse", "HEAD"), True)


@pytest.mark.parametrize(
    ("built_from", "expected"), [("", ("", False)), ("abc", ("abc", False)), ("abc-dirty", ("abc", True))]
)
def test_an_installed_srbench_has_the_commit_it_was_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built_from: str, expected: tuple[str, bool]
) -> None:
    """The wheel says it; a repository that merely encloses the installation is not srbench's."""
    git(tmp_path, "init", "-q")
    inner = tmp_path / "venv" / "site-packages"
    inner.mkdir(parents=True)
    monkeypatch.setattr("srbench.resources.built_from", lambda: built_from)
    assert provenance._checkout(inner) == expected


def test_gpus_are_named_by_their_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPU names come from nvidia-smi where it is, and a failing one is no GPU."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A'\necho 'NVIDIA B'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert collect([]).machine.gpus == ("NVIDIA A", "NVIDIA B")
    program.write_text("#!/bin/sh\necho broken\nexit 9\n")
    assert collect([]).machine.gpus == ()


def test_a_program_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither git nor a driver's tool can hold up a run."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(provenance, "_SECONDS_TO_WAIT", 0.2)
    assert collect([]).machine.gpus == ()


def test_a_file_is_written_once_and_reads_back(tmp_path: Path) -> None:
    """The file is named by the id, holds every field, and is left alone when it is there."""
    found = collect(["srbench"])
    path = write_provenance(tmp_path, found)
    assert path == tmp_path / "provenance" / f"{found.id}.json"
    assert read_provenance(tmp_path, found.id) == json.loads(json.dumps(dataclasses.asdict(found)))
    later = dataclasses.replace(found, time="2030-01-01T00:00:00Z")
    assert write_provenance(tmp_path, later) == path
    assert read_provenance(tmp_path, found.id)["time"] == found.time
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_missing_says_nothing(tmp_path: Path) -> None:
    """An id without a file, or one that is no id at all, gives no fields and reaches no other file."""
    (tmp_path / "secret.json").write_text('{"a": 1}')
    (tmp_path / "provenance").mkdir()
    assert read_provenance(tmp_path, "0" * 16) == {}
    assert read_provenance(tmp_path, "../secret") == {}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    """A provenance file that is no JSON is an integrity error of one line."""
    (tmp_path / "provenance").mkdir()
    (tmp_path / "provenance" / "ab.json").write_text("{")
    with pytest.raises(IntegrityError, match=r"ab\.json"):
        read_provenance(tmp_path, "ab")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Where provenance can't be written the error is one line."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="to write the provenance"):
        write_provenance(tmp_path / "file", collect([]))
