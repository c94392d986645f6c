"""The contract between srbench and a model, kept here once for all; needs no torch.

Authors of networks subclass `srbench.adapters.network.Adapter`; `PlainAdapter` is for models without one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from srbench.errors import ContractError, SrbenchError, UsageError
from srbench.registry import what_happened
from srbench.types import ClipSpec, EvalProtocol, Job, ModelInfo

Frames = NDArray[Any]
"""``(T, H, W, C)``: C = 3 RGB, or 1 gray or luma; uint8, or float on the 0..255 scale."""


DEFAULT_TIMEOUT = 600.0


@dataclass(frozen=True)
class Settings:
    """How a model is asked to run; every field that moves a number shows in the inference signature.

    Attributes:
        device: torch's word: ``cpu``, ``cuda``, ``cuda:1``. Only the kind is signed.
        dtype: one of the card's dtypes.
        tile: side of square tiles in LR pixels, or 0 for whole images.
        split: of a sequence model: frames that a piece of a clip answers for, and how many more it sees on
            each side; None for what its card says.
        ensemble: the mean over the eight flips and turns of the input (``model+``).
        timeout: of a command: seconds that one image may take. It moves no number, and is not signed.
    """

    device: str = "cpu"
    dtype: str = "float32"
    tile: int = 0
    split: tuple[int, int] | None = None
    ensemble: bool = False
    timeout: float = DEFAULT_TIMEOUT


class BaseAdapter(ABC):
    """A model as the runner sees it: built, started for one scale, then called once per clip.

    Subclasses write `upscale`; the checks around it are not theirs to change.

    Attributes:
        takes: what the model's argument is (``folder`` in ``folder:DIR``); empty if it takes none.
        info: the model's card.
        argument: what follows the colon in ``NAME:ARGUMENT``.
        scale: the scale it was started for, 0 before.
        settings: how it was asked to run.
    """

    takes: ClassVar[str] = ""

    def __init__(self, info: ModelInfo, argument: str = "") -> None:
        if argument and not self.takes:
            raise UsageError(f"{info.name} alone", repr(f"{info.name}:{argument}"), "it takes no argument")
        self.info = info
        self.argument = argument
        self.scale = 0
        self.settings = Settings()

    def skip(self, protocol: EvalProtocol) -> str | None:
        """Why this model can't run under a protocol, or None: its card's reasons, at the least."""
        return card_skip(self.info, protocol)

    @final
    def start(self, scale: int, settings: Settings | None = None) -> None:
        """Fix the scale and the settings, and load.

        Raises:
            UsageError: the card doesn't offer this scale, dtype or tiling.
            Unavailable: weights can't be had.
            IntegrityError: weights don't match their digest.
            ContractError: `load` called ``sys.exit``; whatever else it raises comes out as it is.
        """
        settings = settings or Settings()
        if scale not in self.info.scales:
            raise UsageError(f"a scale of {self.info.name}", f"x{scale}", f"it has {_scales(self.info)}")
        refused = settings_refused(self.info, settings)
        if refused:
            raise UsageError(f"settings that suit {self.info.name}", refused, "change the settings")
        self.scale, self.settings = scale, settings
        try:
            self.load(settings.device, settings.dtype)
        except SystemExit as error:
            raise self.broken("to load", what_happened(error), "raise an exception that says why") from error

    def load(self, device: str, dtype: str) -> None:  # noqa: B027 - many models have nothing to load
        """Make ready what `upscale` needs; `self.scale` is known. Called by `start`, once."""

    @abstractmethod
    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Super-resolve a clip.

        Args:
            lr: ``(T, h, w, C)``, read-only. uint8 RGB or gray, or a float64 luma plane 0..255 (where the
                protocol's ``degraded`` is ``y``).
            job: which clip, at which scale, under which protocol.

        Returns:
            ``(T, scale * h, scale * w, C)`` uint8, or float on the 0..255 scale, not rounded, not clipped.
        """

    def upscale_target(self, window: Frames, job: Job) -> Frames:
        """Super-resolve the one frame that a window is about; for ``kind = "window"``.

        Args:
            window: ``(frames_before + 1 + frames_after, h, w, C)``, otherwise as in `upscale`.
            job: as in `upscale`.

        Returns:
            ``(1, scale * h, scale * w, C)``, otherwise as in `upscale`.
        """
        before = self.info.frames_before
        return self.upscale(window, job)[before : before + 1]

    @final
    def __call__(self, lr: Frames, job: Job) -> Frames:
        """Super-resolve a clip in one piece and check what comes back; shapes and ranges as in `upscale`.

        Raises:
            ContractError: `upscale` failed, or returned what the contract forbids.
            MemoryError: not enough memory, of whichever device.
        """
        return self._kept(self.upscale, lr, job, len(lr))

    @final
    def target(self, window: Frames, job: Job) -> Frames:
        """As a call, for `upscale_target`: a clip need not be in memory to be super-resolved frame by frame.

        Raises:
            ContractError, MemoryError: as a call.
        """
        return self._kept(self.upscale_target, window, job, 1)

    def _kept(self, ask: Callable[[Frames, Job], Frames], lr: Frames, job: Job, frames: int) -> Frames:
        self._check_asked(lr, job)
        frozen = lr.view()
        frozen.flags.writeable = False
        try:
            sr = ask(frozen, job)
        except (SrbenchError, MemoryError):
            raise
        except (Exception, SystemExit) as error:  # a stranger's code: one line that names the model
            raise self.broken(
                f"to super-resolve {job.clip.name!r}",
                what_happened(error),
                "fix the adapter (its input is read-only)",
            ) from error
        _, h, w, c = lr.shape
        self._check_given(sr, (frames, h * self.scale, w * self.scale, c))
        return sr

    def broken(self, rule: str, got: str, hint: str) -> ContractError:
        """The error for a broken rule of the contract; names the model."""
        return ContractError(f"{self.info.name} {rule}", got, hint)

    def _check_asked(self, lr: Frames, job: Job) -> None:
        if self.scale != job.scale:
            raise self.broken(f"started for x{job.scale}", f"x{self.scale}", "call start(scale) first")
        if lr.ndim != 4 or lr.shape[3] not in (1, 3) or 0 in lr.shape:
            raise self.broken(
                "to be given (T, h, w, 1 or 3)", f"shape {lr.shape}", "give frames, channels last"
            )
        if lr.dtype not in (np.uint8, np.float64):
            raise self.broken("to be given uint8 or float64", str(lr.dtype), "convert the frames")

    def _check_given(self, sr: Any, shape: tuple[int, int, int, int]) -> None:
        if not isinstance(sr, np.ndarray):
            raise self.broken("to return a numpy array", type(sr).__name__, "return (T, H, W, C)")
        if sr.shape != shape:
            rule = f"to return shape {shape} = (frames, scale * height, scale * width, channels)"
            raise self.broken(rule, f"shape {sr.shape}", "check the scale and the order of axes")
        if sr.dtype not in (np.uint8, np.float32, np.float64):
            raise self.broken("to return uint8, float32 or float64", str(sr.dtype), "convert the result")
        if sr.dtype != np.uint8 and not np.isfinite(sr).all():
            raise self.broken("to return finite values", not_finite(sr), "look for a division or an overflow")


class PlainAdapter(BaseAdapter):
    """A model without a network: its module imports no torch, so it answers for itself while planning.

    Its card says ``dtypes = []``.
    """

    @abstractmethod
    def inference(self, protocol: EvalProtocol) -> str:
        """The inference signature: all that moves its output and isn't in the protocol's signature."""

    def clip_fingerprint(self, clip: ClipSpec) -> str:
        """Digest of the files that it has for a clip; empty if there are none or it needs none."""
        return ""


def card_skip(info: ModelInfo, protocol: EvalProtocol) -> str | None:
    """Why a card alone rules out a protocol, or None."""
    if protocol.scale not in info.scales:
        return f"no x{protocol.scale}: {info.name} has {_scales(info)}"
    if protocol.degraded == "y" and "y" not in info.planes:
        return f"needs RGB; protocol {protocol.name} gives a luma plane only"
    return None


def settings_refused(info: ModelInfo, settings: Settings) -> str | None:
    """Why a model can't run as asked, or None. Other settings mean nothing to a model without a network."""
    if settings.ensemble and not info.dtypes:
        return f"no self-ensemble: {info.name} has no network"
    if not info.dtypes:
        return None
    if settings.ensemble and info.kind != "still":
        return f"no self-ensemble: {info.name} is no model of stills"
    if settings.dtype not in info.dtypes:
        return f"no {settings.dtype}: {info.name} runs in {', '.join(info.dtypes)}"
    if settings.tile == 0:
        return None
    if info.tiling != "supported":
        return f"no tiles: tiling of {info.name} is {info.tiling}"
    if info.receptive_field < 1 and info.tile_overlap < 1:
        return f"no tiles: {info.name} declares no receptive field, so their overlap is unknown"
    return None if settings.tile > 0 else f"no tiles of {settings.tile} pixels"


def not_finite(values: NDArray[Any]) -> str:
    """``3 of 12 values NaN or infinite``."""
    return f"{int((~np.isfinite(values)).sum())} of {values.size} values NaN or infinite"


def _scales(info: ModelInfo) -> str:
    return ", ".join(f"x{s}" for s in info.scales)
