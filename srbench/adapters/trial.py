"""A model on trial: loaded once, asked for small pictures, and watched at its own door.

What the model itself takes and gives is noted before the base class has checked it, so that a rule can
say what exactly is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.adapters.base import BaseAdapter, Settings
from srbench.adapters.planning import load_model
from srbench.data.datasets import open_dataset
from srbench.image.resize import imresize
from srbench.protocols import get_protocol
from srbench.registry import ModelEntry
from srbench.types import ClipSpec, EvalProtocol, Job

Image = NDArray[Any]
_PHOTOGRAPH = "coffee"
"""Of the embedded set: its colours differ much in all three channels."""


class LeftOut(Exception):  # noqa: N818 - a reason, no error
    """A rule that says nothing about this model, and why."""


class Broken(Exception):  # noqa: N818 - a verdict, no error
    """A rule that the model breaks, and what was found."""


@dataclass
class Call:
    """One call of the model's own code (`predict`, or `upscale` of a model without a network).

    Attributes:
        shape: that its output must have.
        given: its output, whatever it is; None if it raised.
        error: what it raised.
        changed: it changed its input.
    """

    shape: tuple[int, ...]
    given: Any = None
    error: BaseException | None = None
    changed: bool = False


@dataclass
class Answer:
    """What came of one clip: the picture, or the error, and the model's own calls."""

    sr: Image | None = None
    error: BaseException | None = None
    calls: list[Call] = field(default_factory=list)


class Trial:
    """One model at one scale.

    Attributes:
        entry: its card and class.
        argument: what follows the colon.
        scale: super-resolution factor.
        settings: device, dtype and self-ensemble it is tried with.
    """

    def __init__(self, entry: ModelEntry, argument: str, scale: int, settings: Settings) -> None:
        self.entry = entry
        self.argument = argument
        self.scale = scale
        self.settings = settings
        self.adapter = self.loaded(settings)
        self.info = self.adapter.info

    def loaded(self, settings: Settings) -> BaseAdapter:
        """Another copy of the model.

        Raises:
            SrbenchError: as `load_model`.
        """
        return load_model(self.entry, self.argument, scale=self.scale, settings=settings)

    def other(self, **changes: Any) -> BaseAdapter:
        """Another copy of the model, with some settings changed."""
        return self.loaded(replace(self.settings, **changes))

    @cached_property
    def photograph(self) -> Image:
        """``(h, w, 3)`` uint8: a photograph, shrunk by the scale as under ``classic``."""
        dataset = open_dataset("embedded")
        item = next(item for item in dataset.items if item.name == _PHOTOGRAPH)
        lr: Image = dataset.source(item, self.protocol("classic")).lr(0)
        return lr

    @cached_property
    def picture(self) -> Image:
        """A small part of the photograph, ``(30, 36, 3)`` uint8."""
        return self.cut(30, 36)

    def cut(self, height: int, width: int) -> Image:
        """A part of the photograph; repeated by reflection where it is too small."""
        photograph = self.photograph
        y, x = (max(n - m, 0) // 2 for n, m in zip(photograph.shape, (height, width), strict=False))
        part = photograph[y : y + height, x : x + width]
        more = [(0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0)]
        return np.ascontiguousarray(np.pad(part, more, mode="symmetric"))

    @cached_property
    def reference(self) -> Image:
        """The picture enlarged by MATLAB's bicubic, float64 0..255: where everything must be."""
        return imresize(self.picture, self.scale, flavour="matlab-symmetric-double")

    @cached_property
    def answer(self) -> Answer:
        """What the model makes of the picture."""
        return self.ask(self.picture[None])

    @property
    def sr(self) -> Image:
        """The picture, super-resolved: ``(H, W, 3)`` float64 0..255.

        Raises:
            LeftOut: there is none, as other rules say.
        """
        self.needs_picture()
        assert self.answer.sr is not None  # noqa: S101 - what needs_picture is for
        sr: Image = self.answer.sr[0].astype(np.float64)
        return sr

    def needs_picture(self) -> None:
        """Leave a rule out that could only repeat what others have found: there is no picture at all.

        Raises:
            LeftOut: see `sr`.
        """
        if self.answer.sr is None:
            raise LeftOut("it gives no picture to look at: see the other rules")

    def protocol(self, name: str) -> EvalProtocol:
        """A named protocol at this scale."""
        return get_protocol(name, self.scale)

    def call(self, lr: Image, adapter: BaseAdapter | None = None, protocol: str = "classic") -> Image:
        """Super-resolve a clip ``(T, h, w, C)``; raises what the contract says."""
        job = Job(ClipSpec("check", "clip", len(lr), self.scale, "bi", ""), self.protocol(protocol))
        sr: Image = (adapter or self.adapter)(lr, job)
        return sr

    def picture_of(self, lr: Image, adapter: BaseAdapter | None = None, protocol: str = "classic") -> Image:
        """As `call`, float64.

        Raises:
            Broken: the model raised, or broke its contract.
        """
        try:
            sr: Image = self.call(lr, adapter, protocol).astype(np.float64)
            return sr
        except Exception as error:  # a stranger's code: whatever it raises is the finding
            raise Broken(in_a_line(error)) from error

    def ask(self, lr: Image) -> Answer:
        """Super-resolve a clip, watching the model's own calls."""
        answer = Answer()
        with _watched(self.adapter, answer.calls):
            try:
                answer.sr = self.call(lr)
            except Exception as error:  # noqa: BLE001 - a stranger's code: whatever it raises is the finding
                answer.error = error
        return answer


@contextmanager
def _watched(adapter: BaseAdapter, calls: list[Call]) -> Iterator[None]:
    """Note every call of the model's own method while this lasts."""
    name = "predict" if adapter.info.dtypes else "upscale"
    own = getattr(adapter, name)

    def spy(lr: Any, *rest: Any) -> Any:
        call = Call(_expected(adapter, lr))
        calls.append(call)
        before = lr.copy() if isinstance(lr, np.ndarray) else lr.clone()
        given = before.copy() if isinstance(lr, np.ndarray) else lr  # writable, so that a change shows
        try:
            call.given = own(given, *rest)
        except (Exception, SystemExit) as error:
            call.error = error
            raise
        finally:
            call.changed = not bool((given == before).all())
        return call.given

    adapter.__dict__[name] = spy
    try:
        yield
    finally:
        del adapter.__dict__[name]


def _expected(adapter: BaseAdapter, lr: Any) -> tuple[int, ...]:
    factor = 1 if adapter.info.pre_upsampled else adapter.scale
    if isinstance(lr, np.ndarray):
        t, h, w, c = lr.shape
        return (t, h * factor, w * factor, c)
    t, c, h, w = lr.shape
    return (1 if adapter.info.kind == "window" else t, c, h * factor, w * factor)


def in_a_line(error: BaseException) -> str:
    """An exception in one line of at most 300 characters."""
    text = " ".join(str(error).split())
    kind = "" if type(error).__module__.startswith("srbench.") else f"{type(error).__name__}: "
    return f"{kind}{text}"[:300]
