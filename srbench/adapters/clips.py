"""Clips through a model, in no more memory than it needs: its window, or a piece of a declared length.

What stands for frames beyond a clip's ends, by BasicSR's rules (frame 0 of a clip ``0 1 2 3 4 5``, 2 + 2):

==================  =============================================================  =============
rule                a frame beyond the ends is                                     frame 0 sees
==================  =============================================================  =============
``replicate``       the first or the last frame                                    0 0 0 1 2
``reflect``         mirrored at the first or the last frame                        2 1 0 1 2
``reflect-circle``  the next frame beyond the window's other end (``new_info``)    4 3 0 1 2
``circle``          counted from the clip's other end                              4 5 0 1 2
==================  =============================================================  =============
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from srbench.adapters.base import BaseAdapter, Frames, Settings
from srbench.adapters.tiles import Span
from srbench.data.degrade import FrameSource
from srbench.types import EvalProtocol, Job, ModelInfo


def stream(adapter: BaseAdapter, source: FrameSource, protocol: EvalProtocol) -> Iterator[Frames]:
    """Super-resolved frames of a clip, in order.

    A model of stills holds one frame, a window model its window, a sequence model a piece of the clip.

    Yields:
        Arrays (H, W, C): uint8, or float 0..255 not yet rounded.
    """
    job = Job(source.spec, protocol)
    if adapter.info.kind == "still":
        for t in range(len(source)):
            yield adapter(source.lr(t)[None], job)[0]
    elif adapter.info.kind == "window":
        yield from _windows(adapter, source, job)
    else:
        for piece in pieces(len(source), split_of(adapter.info, adapter.settings)):
            yield from _piece(adapter, source, job, piece)


def _windows(adapter: BaseAdapter, source: FrameSource, job: Job) -> Iterator[Frames]:
    held: dict[int, Frames] = {}
    for t in range(len(source)):
        wanted = window(t, len(source), adapter.info)
        held = {u: held[u] if u in held else source.lr(u) for u in sorted(set(wanted))}
        yield adapter.target(np.stack([held[u] for u in wanted]), job)[0]


def _piece(adapter: BaseAdapter, source: FrameSource, job: Job, piece: Span) -> Iterator[Frames]:
    lr = np.stack([source.lr(t) for t in range(piece.start, piece.stop)])
    yield from adapter(lr, job)[piece.kept(1)]


def inputs(frames: int, info: ModelInfo) -> Iterator[list[int]]:
    """The frames that enter a network together, for a clip that is in memory: stills, windows, or all."""
    if info.kind == "sequence":
        yield list(range(frames))
        return
    for t in range(frames):
        yield window(t, frames, info) if info.kind == "window" else [t]


def window(t: int, frames: int, info: ModelInfo) -> list[int]:
    """The frames that a window model sees to restore frame `t` of a clip, in order.

    A clip that is shorter than the rule needs repeats its last frame.
    """
    seen = range(t - info.frames_before, t + info.frames_after + 1)
    return [min(max(_inside(u, seen, frames, info), 0), frames - 1) for u in seen]


def _inside(u: int, seen: range, frames: int, info: ModelInfo) -> int:
    last = frames - 1
    if 0 <= u <= last or info.border_frames == "replicate":
        return u
    if info.border_frames == "reflect":
        return -u if u < 0 else 2 * last - u
    if info.border_frames == "circle":
        return u % frames
    return seen[-1] - u if u < 0 else seen[0] - (u - last)


def pieces(frames: int, split: tuple[int, int]) -> list[Span]:
    """The pieces of a clip: each answers for up to N frames and sees M more on each side, for split N, M."""
    side, overlap = split
    if not 0 < side < frames:
        return [Span(0, frames, 0, frames)]
    ends = [(first, min(first + side, frames)) for first in range(0, frames, side)]
    return [Span(max(a - overlap, 0), min(b + overlap, frames), a, b) for a, b in ends]


def split_of(info: ModelInfo, settings: Settings) -> tuple[int, int]:
    """How a model's clips are split: as asked, or as its card says; 0 frames if they never are."""
    return (info.max_frames, info.overlap_frames) if settings.split is None else settings.split


def clip_signature(info: ModelInfo, settings: Settings, frames: int) -> list[str]:
    """What an inference signature says of clips.

    ``window:2+2:reflect-circle``: frames before and after, and what stands for those beyond the clip.
    ``split:30+2``: a clip of so many frames is split into pieces of 30, which see 2 more on each side.
    """
    if info.kind == "window":
        return [f"window:{info.frames_before}+{info.frames_after}:{info.border_frames}"]
    side, overlap = split_of(info, settings)
    return [f"split:{side}+{overlap}"] if info.kind == "sequence" and 0 < side < frames else []
