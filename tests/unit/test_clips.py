"""Clips: windows by every border rule, pieces with overlap, what is signed, and how much is held."""

from __future__ import annotations

import tracemalloc
import weakref
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from srbench.adapters.base import BaseAdapter, Frames, PlainAdapter, Settings
from srbench.adapters.clips import clip_signature, pieces, stream, window
from srbench.adapters.network import Adapter
from srbench.adapters.planning import inference_signature
from srbench.cli.run import parse_split
from srbench.data.degrade import FrameSource
from srbench.errors import ContractError, UsageError
from srbench.protocols import get_protocol
from srbench.registry import ModelEntry
from srbench.types import BorderFrames, ClipSpec, EvalProtocol, Job, ModelInfo

PROTOCOL = get_protocol("video", 2)
WINDOW = ModelInfo(
    name="win", title="", family="test", scales=(2,), kind="window", frames_before=2, frames_after=2
)
SEQUENCE = ModelInfo(name="seq", title="", family="test", scales=(2,), kind="sequence")
RULES: tuple[BorderFrames, ...] = ("replicate", "reflect", "reflect-circle", "circle")


class Clip:
    """A clip of noise made when asked for, which counts the frames that are still alive."""

    def __init__(self, frames: int, size: tuple[int, int] = (4, 6)) -> None:
        self.spec = ClipSpec("toy", "clip", frames, 2, "bi", "")
        self.size = size
        self.most = 0
        self.asked: list[int] = []
        self._alive: weakref.WeakValueDictionary[int, NDArray[np.uint8]] = weakref.WeakValueDictionary()

    def __len__(self) -> int:
        return self.spec.frames

    def lr(self, t: int) -> NDArray[np.uint8]:
        """Frame `t`; the same each time."""
        frame = np.random.default_rng(t).integers(0, 256, (*self.size, 3), dtype=np.uint8)
        self._alive[len(self.asked)] = frame
        self.asked.append(t)
        self.most = max(self.most, len(self._alive))
        return frame

    def whole(self) -> NDArray[np.uint8]:
        """All frames."""
        return np.stack([self.lr(t) for t in range(len(self))])


class Net(Adapter):
    """Nearest neighbour of a mean over what it sees: of a window, or of frames up to `reach` away."""

    reach = 0

    def predict(self, lr: Tensor) -> Tensor:
        """The weighted mean of a window (order counts), or of each frame's neighbours."""
        if self.info.kind == "window":
            weights = torch.arange(1.0, len(lr) + 1, dtype=lr.dtype)
            mean = (lr * weights[:, None, None, None]).sum(0, keepdim=True) / weights.sum()
        else:
            near = [lr[max(t - self.reach, 0) : t + self.reach + 1].mean(0) for t in range(len(lr))]
            mean = torch.stack(near)
        return mean.repeat_interleave(2, 2).repeat_interleave(2, 3)


def started(info: ModelInfo, **asked: Any) -> Net:
    """A network, ready."""
    net = Net(info)
    net.start(2, Settings(**asked))
    return net


def streamed(adapter: BaseAdapter, clip: Clip, protocol: EvalProtocol = PROTOCOL) -> list[Frames]:
    """Every frame, one by one."""
    return list(stream(adapter, cast(FrameSource, clip), protocol))


# ---------------------------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("rule", "first", "second", "last"),
    [
        # BasicSR, generate_frame_indices(0 | 1 | 5, 6, 5, padding): its docstring gives the first column.
        ("replicate", [0, 0, 0, 1, 2], [0, 0, 1, 2, 3], [3, 4, 5, 5, 5]),
        ("reflect", [2, 1, 0, 1, 2], [1, 0, 1, 2, 3], [3, 4, 5, 4, 3]),
        ("reflect-circle", [4, 3, 0, 1, 2], [4, 0, 1, 2, 3], [3, 4, 5, 2, 1]),
        ("circle", [4, 5, 0, 1, 2], [5, 0, 1, 2, 3], [3, 4, 5, 0, 1]),
    ],
)
def test_border_frames(rule: BorderFrames, first: list[int], second: list[int], last: list[int]) -> None:
    """At a clip's ends each rule sees the frames that BasicSR's rule of that name sees."""
    info = replace(WINDOW, border_frames=rule)
    assert [window(t, 6, info) for t in (0, 1, 5)] == [first, second, last]


@given(st.integers(1, 12), st.integers(0, 4), st.integers(0, 4), st.sampled_from(RULES))
def test_a_window_is_inside_the_clip(frames: int, before: int, after: int, rule: BorderFrames) -> None:
    """For any clip and look-ahead: its own frame in its place, no frame that isn't there, plain inside."""
    info = replace(WINDOW, frames_before=before, frames_after=after, border_frames=rule)
    for t in range(frames):
        seen = window(t, frames, info)
        assert len(seen) == before + 1 + after
        assert seen[before] == t
        assert set(seen) <= set(range(frames))
        if before <= t < frames - after:
            assert seen == list(range(t - before, t + after + 1))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("frames", [1, 3, 9])
def test_streaming_a_window_is_calling_it_on_the_clip(rule: BorderFrames, frames: int) -> None:
    """Frame by frame from a source, and from a clip in memory: the same pixels, the window in its order."""
    info, clip = replace(WINDOW, border_frames=rule), Clip(frames)
    net = started(info)
    sr = np.stack(streamed(net, clip))
    np.testing.assert_array_equal(sr, net(clip.whole(), Job(clip.spec, PROTOCOL)))
    seen = clip.whole()[window(0, frames, info)].astype(float)
    mean = np.average(seen, axis=0, weights=[1, 2, 3, 4, 5])
    np.testing.assert_allclose(sr[0, ::2, ::2], mean, atol=1e-4)


@pytest.mark.parametrize("rule", ["replicate", "reflect", "reflect-circle", "circle"])
def test_a_window_model_holds_its_window(rule: BorderFrames) -> None:
    """Of a clip of 100 frames at most the window and the next frame are alive, each read about once."""
    clip = Clip(100)
    info = replace(WINDOW, border_frames=rule)
    frames = stream(started(info), cast(FrameSource, clip), PROTOCOL)
    assert sum(1 for _ in frames) == 100
    assert clip.most <= 5 + 1
    assert len(clip.asked) <= 104


def test_memory_of_a_long_clip_is_that_of_a_short_one() -> None:
    """The peak of 100 frames is the peak of 10, within a frame, and far below the clip."""
    # A frame of 196 kB: the interpreter's own bookkeeping moves the peak by up to 22 kB.
    size = 256

    def peak(frames: int) -> int:
        clip, net = Clip(frames, (size, size)), started(WINDOW)
        tracemalloc.start()
        for _ in stream(net, cast(FrameSource, clip), PROTOCOL):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)  # what is imported or cached on first use
    short, long = peak(10), peak(100)
    assert long - short < size * size * 3
    assert long < 100 * size * size * 3 * 4


def test_a_still_model_holds_one_frame() -> None:
    """Stills of a clip of 100 frames: one frame and the next."""
    clip = Clip(100)
    for _ in stream(started(replace(SEQUENCE, kind="still")), cast(FrameSource, clip), PROTOCOL):
        pass
    assert clip.most <= 2
    assert clip.asked == list(range(100))


class AllOfThem(Net):
    """Answers for every frame of its window."""

    def predict(self, lr: Tensor) -> Tensor:
        """Too many."""
        return lr.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_a_window_model_gives_one_frame() -> None:
    """An answer for the whole window breaks the contract in one line."""
    net = AllOfThem(WINDOW)
    net.start(2)
    with pytest.raises(ContractError, match=r"shape \(1, 3, 8, 12\).*\(5, 3, 8, 12\)"):
        streamed(net, Clip(5))


class PlainWindow(PlainAdapter):
    """A window model without a network: only `upscale` is its own."""

    def inference(self, protocol: EvalProtocol) -> str:
        """Nothing."""
        return "plain"

    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Nearest neighbour."""
        return lr.repeat(2, 1).repeat(2, 2)


def test_a_plain_window_model_needs_no_more_than_upscale() -> None:
    """The window's own frame is taken out of what `upscale` gives."""
    model, clip = PlainWindow(replace(WINDOW, dtypes=(), frames_before=1)), Clip(4)
    model.start(2)
    np.testing.assert_array_equal(np.stack(streamed(model, clip))[:, ::2, ::2], clip.whole())


def test_windows_go_through_tiles() -> None:
    """A window in tiles is the whole window, to float32's precision."""
    clip = Clip(6, (20, 33))
    info = replace(WINDOW, receptive_field=1, size_multiple=4)
    tiled, whole = streamed(started(info, tile=16), clip), streamed(started(info), clip)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=255 * 2**-22)


# ----------------------------------------------------------------------------------- pieces


@given(st.integers(1, 60), st.integers(0, 20), st.integers(0, 8))
def test_pieces_answer_for_every_frame_once(frames: int, side: int, overlap: int) -> None:
    """In order, without gaps, none longer than its frames and two overlaps."""
    found = pieces(frames, (side, overlap))
    assert [t for p in found for t in range(p.first, p.last)] == list(range(frames))
    assert all(0 <= p.start <= p.first < p.last <= p.stop <= frames for p in found)
    assert len(found) == 1 or all(p.stop - p.start <= side + 2 * overlap for p in found)
    assert len(found) == (-(-frames // side) if 0 < side < frames else 1)


@pytest.mark.parametrize(("reach", "overlap", "same"), [(0, 0, True), (2, 2, True), (3, 2, False)])
def test_split_agrees_where_the_overlap_is_as_far_as_the_model_sees(
    reach: int, overlap: int, same: bool
) -> None:
    """A model that sees `reach` frames is the same in pieces with that overlap, and not with less."""
    whole, split = started(SEQUENCE), started(SEQUENCE, split=(4, overlap))
    whole.reach = split.reach = reach
    clip = Clip(11)
    equal = np.allclose(streamed(whole, clip), streamed(split, clip), rtol=0, atol=1e-4)
    assert equal is same


def test_a_sequence_model_holds_a_piece() -> None:
    """Of a clip of 100 frames no more than a piece with its overlaps is read before its first answer."""
    clip = Clip(100)
    frames = stream(started(SEQUENCE, split=(10, 2)), cast(FrameSource, clip), PROTOCOL)
    next(frames)
    assert clip.asked == list(range(12))
    assert sum(1 for _ in frames) == 99
    assert clip.most <= 14 + 1


# ------------------------------------------------------------------------------- signatures


@pytest.mark.parametrize(
    ("changes", "split", "frames", "signed"),
    [
        ({}, None, 500, []),
        ({"max_frames": 30, "overlap_frames": 2}, None, 30, []),
        ({"max_frames": 30, "overlap_frames": 2}, None, 31, ["split:30+2"]),
        ({"max_frames": 30, "overlap_frames": 2}, (0, 0), 31, []),
        ({"max_frames": 30, "overlap_frames": 2}, (5, 1), 31, ["split:5+1"]),
        ({"kind": "still"}, (5, 1), 31, []),
        (
            {"kind": "window", "frames_before": 2, "border_frames": "reflect-circle"},
            (5, 1),
            1,
            ["window:2+0:reflect-circle"],
        ),
    ],
)
def test_what_is_signed(
    changes: dict[str, Any], split: tuple[int, int] | None, frames: int, signed: list[str]
) -> None:
    """A split shows where a clip was split and nowhere else; a window always shows, with its rule."""
    info, asked = replace(SEQUENCE, **changes), Settings(split=split)
    assert clip_signature(info, asked, frames) == signed
    entry = ModelEntry(info, "srbench.adapters.srcnn:SRCNN")
    signature = inference_signature(entry, "", get_protocol("video", 2), asked, frames)
    assert signature == "|".join(["torch|float32|cpu|whole", *signed])


def test_split_is_read() -> None:
    """``30+2``, ``30`` and ``0`` (whole clips); nothing else."""
    assert [parse_split(text) for text in (None, "30+2", "30", "0")] == [None, (30, 2), (30, 0), (0, 0)]
    for text in ("", "-1", "3+", "+2", "three", "3+2+1"):
        with pytest.raises(UsageError, match=r"30\+2"):
            parse_split(text)
