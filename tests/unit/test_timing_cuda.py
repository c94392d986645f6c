"""The CUDA half of timing; skipped where there is no GPU, and never run on one so far."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
import torch

from srbench.registry import models
from srbench.runner.request import ModelChoice
from srbench.runner.timings import TimeRequest, execute_timings
from srbench.timing.conditions import gpu_state
from srbench.timing.measure import Limits
from srbench.types import Status

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def test_events_and_the_hosts_clock_agree(tmp_path: Path) -> None:
    """Medians within 5 %, for a network that keeps the GPU busy; copies make it longer."""
    request = TimeRequest(
        (ModelChoice(models()["edsr"]),),
        points=("720p",),
        device="cuda",
        untrained=True,
        limits=Limits(budget=5),
        folder=tmp_path,
    )
    (found,) = execute_timings(request, lambda *_: None, []).taken
    assert found.status is Status.DONE, found.reason
    assert median(found.event_ms) == pytest.approx(median(found.wall_ms), rel=0.05)
    assert median(found.wall_copies_ms) > median(found.wall_ms)
    assert len(found.event_ms) == len(found.wall_ms)
    assert found.peak_bytes is not None
    assert found.peak_bytes > 4 * 43_000_000


def test_the_drivers_state_is_read() -> None:
    """Through NVML or nvidia-smi."""
    state = gpu_state("cuda")
    assert state is not None
    assert state.name == torch.cuda.get_device_name()
    assert state.sm_mhz > 0
