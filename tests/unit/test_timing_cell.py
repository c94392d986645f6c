"""One timing from spec to record: real networks, the ladder, what fails and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from srbench.adapters.base import Settings
from srbench.adapters.network import Adapter
from srbench.errors import IntegrityError, NothingMeasured, UsageError
from srbench.registry import ModelEntry, models, register_model
from srbench.runner.request import ModelChoice, choose_models
from srbench.runner.timings import TimeRequest, default_threads, execute_timings, plan_timings
from srbench.store.provenance import this_machine
from srbench.store.timings import read_timings
from srbench.timing.cell import ladder
from srbench.timing.measure import Limits
from srbench.timing.points import Point, pictures, points
from srbench.timing.subject import modules_of, settings_of_torch
from srbench.types import ModelInfo, Status, Timing

pytestmark = pytest.mark.usefixtures("short_watch")
QUICK = Limits(budget=0.2)


class Small(Adapter):
    """Two convolutions."""

    def load(self, device: str, dtype: str) -> None:
        """Build them."""
        torch.manual_seed(0)
        shuffle = nn.PixelShuffle(self.scale)
        net = nn.Sequential(nn.Conv2d(3, 3 * self.scale**2, 3, padding=1), shuffle)
        self.net = net.to(device, getattr(torch, dtype)).eval()

    def predict(self, lr: Tensor) -> Tensor:
        """Enlarge."""
        return self.net(lr)  # type: ignore[no-any-return]


class Hungry(Small):
    """Fits tiles of up to 150 pixels a side only."""

    def predict(self, lr: Tensor) -> Tensor:
        """Refuse large inputs, as PyTorch's allocator does."""
        if max(lr.shape[2:]) > 150:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return super().predict(lr)


def entry_of(target: type[Adapter], **fields: Any) -> ModelEntry:
    """A model of this module, registered."""
    info = ModelInfo(name=target.__name__.lower(), title="", family="own", scales=(2, 4), **fields)
    register_model(info, target)
    return models()[info.name]


def request_of(folder: Path, entry: ModelEntry, **fields: Any) -> TimeRequest:
    """A quick request for one model."""
    defaults: dict[str, Any] = {"points": ("24x32",), "limits": QUICK, "threads": 1}
    return TimeRequest((ModelChoice(entry),), folder=folder, **{**defaults, **fields})


def timed(folder: Path, entry: ModelEntry, **fields: Any) -> Timing:
    """Its only timing."""
    request = request_of(folder, entry, **fields)
    execute_timings(request, lambda *_: None, [])
    return read_timings(folder)[-1]


def test_a_network_is_timed_and_counted(fresh_registry: None, tmp_path: Path) -> None:
    """Samples, memory, parameters, multiply-adds and conditions, all in one record."""
    found = timed(tmp_path, entry_of(Small))
    assert found.status is Status.DONE, found.reason
    assert len(found.wall_ms) >= 3
    assert min(found.wall_ms) > 0
    assert found.event_ms == found.wall_copies_ms == ()
    assert found.macs == 24 * 32 * 27 * 48
    assert found.flops == 2 * found.macs
    assert found.params == 27 * 48 + 48
    assert found.peak_bytes is None or found.peak_bytes >= 4 * found.params
    assert found.conditions is not None
    assert found.conditions.machine == this_machine().words
    assert found.step == "whole"
    assert (tmp_path / "provenance" / f"{found.provenance}.json").exists()


def test_what_is_known_is_not_timed_again(fresh_registry: None, tmp_path: Path) -> None:
    """Unless asked; another thread count is another timing."""
    entry = entry_of(Small)
    timed(tmp_path, entry)
    request = request_of(tmp_path, entry)
    outcome = execute_timings(request, lambda *_: None, [])
    assert (len(outcome.taken), len(outcome.known)) == (0, 1)
    execute_timings(replace(request, again=True), lambda *_: None, [])
    execute_timings(replace(request, threads=2), lambda *_: None, [])
    assert [t.spec.threads for t in read_timings(tmp_path)] == [1, 1, 2]


def test_memory_that_runs_out_leads_down_the_ladder(fresh_registry: None, tmp_path: Path) -> None:
    """Tiles of 256, then of 128; the signature says where it ended."""
    found = timed(tmp_path, entry_of(Hungry, receptive_field=1), points=("256",))
    assert found.status is Status.DONE, found.reason
    assert found.exhausted == ("whole", "tile:256+1")
    assert found.step == "tile:128+1"
    assert found.signature.endswith("|tile:128+1")


def test_a_ladder_that_ends_is_out_of_memory(fresh_registry: None, tmp_path: Path) -> None:
    """Without tiles there is only the whole image, and no number."""
    found = timed(tmp_path, entry_of(Hungry, tiling="discouraged"), points=("256",))
    assert (found.status, found.exhausted, found.wall_ms) == (Status.OOM, ("whole",), ())
    assert "out of memory" in found.reason


def test_weights_that_do_not_fit_are_out_of_memory_too(fresh_registry: None, tmp_path: Path) -> None:
    """A GPU's allocator may refuse before any call: that is no failure of the model."""

    class Huge(Small):
        def load(self, device: str, dtype: str) -> None:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 99.00 GiB")

    found = timed(tmp_path, entry_of(Huge))
    assert (found.status, found.exhausted) == (Status.OOM, ("whole",))


def test_the_ladder_of_a_gpu_ends_on_the_processor() -> None:
    """Whole, smaller tiles where the card allows them, then the processor."""
    info = models()["edsr"].info
    steps = [step.name for step in ladder(info, Settings(device="cuda"), 4)]
    assert steps == ["whole", "tile:256+68", "tile:128+68", "cpu:whole"]
    assert [step.name for step in ladder(models()["imdn"].info, Settings(device="cuda"), 4)] == [
        "whole",
        "cpu:whole",
    ]


def test_a_stranger_that_fails_has_a_record_that_says_so(fresh_registry: None, tmp_path: Path) -> None:
    """Once: the same failure again is not written again."""

    class Broken(Small):
        def predict(self, lr: Tensor) -> Tensor:
            raise ValueError("no such layer")

    entry = entry_of(Broken)
    found = timed(tmp_path, entry)
    assert (found.status, found.wall_ms) == (Status.FAILED, ())
    assert "no such layer" in found.reason
    timed(tmp_path, entry)
    assert len(read_timings(tmp_path)) == 1


def test_a_file_of_another_digest_stops_its_model_alone(fresh_registry: None, tmp_path: Path) -> None:
    """It is told, and no record is made of it; the next model is timed."""

    class Tampered(Small):
        def load(self, device: str, dtype: str) -> None:
            raise IntegrityError("the file's digest", "another", "fetch it again")

    models_ = (ModelChoice(entry_of(Tampered)), ModelChoice(entry_of(Small)))
    request = replace(request_of(tmp_path, models_[0].entry), models=models_)
    outcome = execute_timings(request, lambda *_: None, [])
    assert outcome.integrity
    assert list(outcome.failed) == ["tampered x4 at 24x32"]
    assert [t.spec.model for t in read_timings(tmp_path)] == ["small"]


@pytest.mark.usefixtures("empty_home")
def test_weights_that_cannot_be_had_are_a_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason; and with random weights the same network is timed."""
    monkeypatch.setenv("SRBENCH_OFFLINE", "1")
    entry = models()["srcnn"]
    outcome = execute_timings(request_of(tmp_path, entry, scales=(3,)), lambda *_: None, [])
    assert list(outcome.skipped) == ["srcnn x3 at 24x32"]
    found = timed(tmp_path, entry, scales=(3,), untrained=True)
    assert found.status is Status.DONE, found.reason
    assert found.macs == 8032 * 72 * 96
    assert "|untrained|" in found.signature


def test_an_interpolation_is_timed_as_a_whole(tmp_path: Path) -> None:
    """It has no network, parameters or multiply-adds, and says so."""
    found = timed(tmp_path, models()["bicubic"])
    assert (found.macs, found.params, found.counted) == (None, 0, "not counted: no network")
    assert len(found.wall_ms) >= 3


def test_video_networks_are_timed_on_clips(tmp_path: Path) -> None:
    """A window of five frames answers for one; a sequence for all of its frames."""
    window = timed(tmp_path, models()["edvr-m"], points=("16x16",), untrained=True)
    assert (window.status, window.spec.frames, window.spec.answers) == (Status.DONE, 5, 1)
    clip = timed(tmp_path, models()["basicvsr"], points=("16x16",), untrained=True, frames=2)
    assert (clip.status, clip.spec.frames, clip.spec.answers) == (Status.DONE, 2, 2)
    assert "|sequence:2|" in clip.signature


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("srcnn", {}, "no x4"),
        ("bicubic", {"dtype": "float16"}, "no network"),
        ("bicubic", {"compiled": True}, "no network"),
        ("srcnn", {"dtype": "float16", "scales": (3,)}, "no float16"),
    ],
)
def test_what_cannot_be_timed_is_planned_with_its_reason(
    tmp_path: Path, name: str, fields: dict[str, Any], reason: str
) -> None:
    """A skip is a result."""
    (planned,) = plan_timings(request_of(tmp_path, models()[name], **fields), this_machine())
    assert reason in planned.skip


def test_a_folder_has_nothing_to_time(tmp_path: Path) -> None:
    """Its images are there already."""
    (choice,) = choose_models((f"folder:{tmp_path}",))
    (planned,) = plan_timings(TimeRequest((choice,), points=("8x8",), folder=tmp_path), this_machine())
    assert "no computation" in planned.skip


def test_pytorchs_switches_are_as_recorded_and_put_back(fresh_registry: None, tmp_path: Path) -> None:
    """Threads, TF32 and cuDNN while it is timed; afterwards as before."""
    seen: list[tuple[int, bool, bool, bool]] = []
    found = timed(tmp_path, entry_of(Small))
    before = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark
    with settings_of_torch(replace(found.spec, threads=2, tf32=True, cudnn="benchmark")):
        cudnn: Any = torch.backends.cudnn
        seen.append(
            (
                torch.get_num_threads(),
                torch.backends.cuda.matmul.allow_tf32,
                cudnn.benchmark,
                cudnn.deterministic,
            )
        )
    assert seen == [(2, True, True, False)]
    for tf32 in (True, False):  # convolutions' precision, which PyTorch keeps apart from this switch
        with settings_of_torch(replace(found.spec, tf32=tf32)):
            assert torch.backends.cudnn.allow_tf32 is tf32
    after = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark
    assert after == before


def test_channels_last_reaches_input_and_weights(
    fresh_registry: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are laid out so when the network is called."""
    layouts: list[bool] = []

    class Watched(Small):
        def predict(self, lr: Tensor) -> Tensor:
            if "Fake" not in type(lr).__name__:
                weight = next(self.net.parameters())
                layouts.append(
                    lr.is_contiguous(memory_format=torch.channels_last)
                    and weight.is_contiguous(memory_format=torch.channels_last)
                    and not lr.is_contiguous()
                )
            return super().predict(lr)

    found = timed(tmp_path, entry_of(Watched), channels_last=True)
    assert found.status is Status.DONE, found.reason
    assert layouts
    assert all(layouts)


def test_networks_inside_what_an_adapter_holds_are_found() -> None:
    """A descriptor's model, a file's object."""

    class Descriptor:
        def __init__(self) -> None:
            self._inner = nn.Conv2d(1, 1, 1)

        @property
        def model(self) -> nn.Module:
            return self._inner

    class Holder:
        def __init__(self) -> None:
            self.net = Descriptor()

    assert len(modules_of(Holder())) == 1


def test_self_ensemble_counts_eight_times(fresh_registry: None, tmp_path: Path) -> None:
    """``small+`` calls its network eight times."""
    choice = ModelChoice(entry_of(Small), ensemble=True)
    request = replace(request_of(tmp_path, choice.entry), models=(choice,))
    execute_timings(request, lambda *_: None, [])
    (found,) = read_timings(tmp_path)
    assert found.macs == 8 * 24 * 32 * 27 * 48
    assert found.spec.model == "small+"


# -------------------------------------------------------------------------------------------- points


@pytest.mark.parametrize(("scale", "size"), [(2, (360, 640)), (3, (240, 427)), (4, (180, 320))])
def test_720p_is_the_lr_size_of_1280x720(scale: int, size: tuple[int, int]) -> None:
    """At x3, 1280/3 is rounded up."""
    (point,) = points("720p", scale)
    assert (point.height, point.width) == size


def test_a_number_is_a_square_and_a_size_is_height_by_width() -> None:
    """In LR pixels."""
    assert points("256", 4) == [Point("256", 256, 256)]
    assert points("30x40", 2) == [Point("30x40", 30, 40)]


def test_a_dataset_stands_for_each_of_its_images() -> None:
    """Its own LR pixels stand there."""
    found = points("embedded", 4)
    coffee = next(point for point in found if point.item == "coffee")
    assert (coffee.height, coffee.width) == (100, 150)
    assert pictures(coffee, 4, 1).shape == (1, 100, 150, 3)


def test_a_photograph_is_repeated_to_any_size_and_moves() -> None:
    """One pixel a frame."""
    found = pictures(Point("big", 700, 900), 4, 3)
    assert found.shape == (3, 700, 900, 3)
    assert np.array_equal(found[1, :, :-1], found[0, :, 1:])


@pytest.mark.parametrize("name", ["0x5", "99999", "nowhere"])
def test_no_such_point(name: str) -> None:
    """The error lists what there is."""
    with pytest.raises(UsageError):
        points(name, 4)


@pytest.mark.usefixtures("empty_home")
def test_a_set_without_images_here_says_how_to_get_them() -> None:
    """It is not a point that one could be timed at."""
    with pytest.raises(NothingMeasured, match="srbench data fetch set5"):
        points("set5", 4)


@pytest.mark.parametrize("kind", ["spandrel", "onnx", "torchscript", "python"])
def test_strangers_files_are_timed(
    fresh_registry: None, stranger: Callable[[str, int], str], tmp_path: Path, kind: str
) -> None:
    """Multiply-adds where PyTorch sees the network; where it does not, the reason."""
    (choice,) = choose_models((f"{kind}:{stranger(kind, 4)}",))
    request = TimeRequest((choice,), points=("16x24",), threads=1, limits=QUICK, folder=tmp_path)
    outcome = execute_timings(request, lambda *_: None, [])
    assert not outcome.failed
    (found,) = outcome.taken
    assert len(found.wall_ms) >= 3
    assert (found.macs is not None) or "not counted" in found.counted


def test_a_compiled_network_is_another_timing(
    fresh_registry: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signature says so; here it is traced and not translated, which takes a minute."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    found = timed(tmp_path, entry_of(Small), compiled=True)
    assert found.status is Status.DONE, found.reason
    assert "|compiled|" in found.signature
    assert found.macs == 24 * 32 * 27 * 48


def test_threads_are_as_many_as_openmp_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the cores this process may use."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert default_threads() >= 1


def test_the_machine_is_held_for_one_timing(
    fresh_registry: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two timings at once would time each other."""
    entry = entry_of(Small)
    inner: list[str] = []

    def meanwhile(*_: object) -> None:
        with pytest.raises(UsageError, match="another srbench time"):
            execute_timings(request_of(tmp_path / "other", entry), lambda *_: None, [])
        inner.append("refused")

    execute_timings(request_of(tmp_path, entry), meanwhile, [])
    assert inner == ["refused"]
