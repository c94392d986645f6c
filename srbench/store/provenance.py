"""Where numbers come from: code, libraries, machine and flags of one run, kept beside its journal.

Nothing that names a person or a host is kept: no user, no host name, no absolute path, no secret.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import srbench
from srbench import resources
from srbench.errors import IntegrityError, StorageError
from srbench.types import digest

FOLDER = "provenance"
LIBRARIES = (
    "numpy",
    "torch",
    "torchvision",
    "opencv-python-headless",
    "lpips",
    "piq",
    "pillow",
    "scipy",
)
"""Distributions whose version can move a number; their versions are read, they are not imported."""

FLAGS = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "GOMP_SPINCOUNT",
    "MKL_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "PYTHONHASHSEED",
    "PYTORCH_CUDA_ALLOC_CONF",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""Environment variables that can move a number or a time; ``SRBENCH_*`` are kept too."""

_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIAL|AUTH")
_ABSOLUTE = re.compile(r"(?<![\w.~])(?:~|[A-Za-z]:)?[/\\](?:[^/\\,:=]*[/\\])*([^/\\,:=]*)")
_SECONDS_TO_WAIT = 10.0


@dataclass(frozen=True)
class Machine:
    """Hardware: processor model, cores, memory in GB (1e9 bytes), names of NVIDIA GPUs."""

    cpu: str
    physical_cores: int
    logical_cores: int
    ram_gb: float
    gpus: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """16 hex digits: machines of one id have the same hardware, as far as it is told here."""
        return digest(asdict(self))

    @property
    def words(self) -> str:
        """``AMD EPYC, 2 cores, 25.2 GB, NVIDIA H100``."""
        cores = f"{self.physical_cores or self.logical_cores} cores"
        return ", ".join((self.cpu, cores, f"{self.ram_gb} GB", *self.gpus))


@dataclass(frozen=True)
class Provenance:
    """Everything about a run that its numbers may depend on.

    Attributes:
        srbench: version.
        commit: of the checkout srbench runs from, or empty for an installed one.
        dirty: the checkout had changes that were not committed.
        libraries: versions by distribution; empty for one that is not installed.
        environment: the flags of `FLAGS` and ``SRBENCH_*`` that are set.
        argv: the command, absolute paths shortened to ``…/name``.
        seeds: by name.
        time: ISO 8601, UTC, to the second; not part of `id`.
    """

    srbench: str
    commit: str
    dirty: bool
    python: str
    os: str
    libraries: Mapping[str, str]
    machine: Machine
    environment: Mapping[str, str]
    argv: tuple[str, ...]
    seeds: Mapping[str, int] = field(default_factory=dict)
    time: str = ""

    @property
    def id(self) -> str:
        """16 hex digits over everything but the time: the same command on the same machine has one id."""
        named = asdict(self)
        del named["time"]
        return digest(named)


def collect(argv: Sequence[str], seeds: Mapping[str, int] | None = None) -> Provenance:
    """The provenance of this process, running the command `argv`."""
    commit, dirty = _checkout(Path(srbench.__file__).resolve().parent.parent)
    return Provenance(
        srbench=srbench.__version__,
        commit=commit,
        dirty=dirty,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        os=f"{platform.system()} {platform.release()} {platform.machine()}",
        libraries={name: _version(name) for name in LIBRARIES},
        machine=this_machine(),
        environment=_environment(os.environ),
        argv=tuple(shorten_paths(argument) for argument in argv),
        seeds=dict(seeds or {}),
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def shorten_paths(text: str) -> str:
    """Absolute paths cut down to their last name: they may hold a user's name, and mean nothing elsewhere."""
    return _ABSOLUTE.sub(lambda match: f"…/{match[1]}" if match[1] else "…", text)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = [name for name in sorted(variables) if name in FLAGS or name.startswith("SRBENCH_")]
    return {name: shorten_paths(variables[name]) for name in kept if not _SECRET.search(name)}


def _checkout(folder: Path) -> tuple[str, bool]:
    """Commit and dirtiness of the checkout whose top is `folder`, or that the installed wheel was built from.

    An enclosing repository is not it.
    """
    if not (folder / ".git").exists():
        built_from = resources.built_from()
        return built_from.removesuffix("-dirty"), built_from.endswith("-dirty")
    commit = _output(["git", "-C", str(folder), "rev-parse", "HEAD"])
    changes = _output(["git", "-C", str(folder), "status", "--porcelain"])
    return commit, bool(changes)


def this_machine() -> Machine:
    """The hardware this process runs on."""
    return Machine(
        cpu=_processor(),
        physical_cores=psutil.cpu_count(logical=False) or 0,
        logical_cores=psutil.cpu_count() or 0,
        ram_gb=round(psutil.virtual_memory().total / 1e9, 1),
        gpus=tuple(_output(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]).splitlines()),
    )


def _processor() -> str:
    """The processor's model: Linux tells it in ``/proc/cpuinfo`` alone."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor() or platform.machine()


def _output(command: list[str]) -> str:
    """What a program prints, or nothing where it is missing, fails or hangs."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    # Inside a git hook, GIT_DIR and its kin point at the repository being committed to.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 (a fixed list of arguments, no shell)
            [program, *command[1:]], capture_output=True, text=True, timeout=_SECONDS_TO_WAIT, env=environment
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def write_provenance(folder: Path, provenance: Provenance) -> Path:
    """Write ``FOLDER/provenance/<id>.json``, once: a run with the same id leaves it as it is.

    Raises:
        StorageError: it can't be written.
    """
    path = folder / FOLDER / f"{provenance.id}.json"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(provenance), sort_keys=True, indent=2, ensure_ascii=True) + "\n"
            part = path.with_suffix(".part")
            part.write_text(text, encoding="ascii")
            part.replace(path)
    except OSError as error:
        raise StorageError(
            "to write the provenance",
            f"{path}: {error.strerror}",
            "free some space, or choose another folder",
        ) from error
    return path


def read_provenance(folder: Path, identity: str) -> dict[str, Any]:
    """The fields of ``FOLDER/provenance/<identity>.json``; empty when it is not there.

    Raises:
        IntegrityError: the file is no JSON object.
    """
    path = folder / FOLDER / f"{identity}.json"
    if not re.fullmatch(r"[0-9a-f]{1,64}", identity) or not path.is_file():
        return {}
    try:
        named = json.loads(path.read_bytes())
    except ValueError as error:
        raise IntegrityError(
            "a provenance file in JSON", f"{path.name}: {error}", f"restore {path}"
        ) from error
    return named if isinstance(named, dict) else {}
