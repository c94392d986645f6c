"""What every test may use: the real data beside the checkout, and a private cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing about the code on a busy machine.
settings.register_profile("srbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("srbench")

SHARED = Path(__file__).resolve().parents[2] / "shared"
REAL_DATA = (SHARED / "mirror").is_dir()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of mirrored downloads and oracles beside the checkout; without it the test is skipped."""
    if not REAL_DATA:
        pytest.skip("left out: no folder `shared` with real data and oracles beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole test session, so that real data is verified once."""
    return tmp_path_factory.mktemp("srbench-home")


@pytest.fixture(autouse=True)
def private_cache(session_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own cache, or a results folder outside its own."""
    monkeypatch.setenv("SRBENCH_HOME", str(session_home))
    for name in ("SRBENCH_MIRROR", "SRBENCH_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mirror(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Downloads are read from the mirror beside the checkout, through the same verified fetch."""
    monkeypatch.setenv("SRBENCH_MIRROR", str(shared / "mirror"))
    return shared / "mirror"


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plugin registers is forgotten after the test."""
    from srbench import registry

    registry.models()
    monkeypatch.setattr(registry, "_models", dict(registry._models))
    monkeypatch.setattr(registry, "_metrics", dict(registry._metrics))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly when the real data was not there."""
    if not REAL_DATA:
        terminalreporter.write_line(
            "left out: what needs real test sets and oracles (no `shared` folder beside the checkout)"
        )


@dataclass(frozen=True)
class Ran:
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one object on stdout."""
        return json.loads(self.out)


@pytest.fixture
def srbench(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line in this process, exactly as the console script does."""
    from srbench.cli import run_main

    def run(*argv: str | Path) -> Ran:
        capsys.readouterr()
        code = run_main([str(part) for part in argv])
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return run
