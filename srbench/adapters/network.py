"""What authors of networks subclass: they write `load` and `predict`, the base class keeps the contract."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import product
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from srbench.adapters import door
from srbench.adapters.base import BaseAdapter, Frames, not_finite
from srbench.adapters.clips import inputs
from srbench.adapters.tiles import reflected, tile_overlap, tile_side, tiles
from srbench.errors import Unavailable, UsageError
from srbench.fetch import fetch
from srbench.fetch.arrays import load_arrays
from srbench.types import Job, ModelInfo

LOWEST, HIGHEST = -1.0, 2.0
"""Values beyond are on no scale whose nominal range is [0, 1]; `srbench check` is stricter."""
WILD = 0.1
"""So great a part of the values may lie beyond: a few pixels of an unstable network are its own affair."""


def check_device(device: str) -> None:
    """Refuse a device that this machine lacks.

    Raises:
        UsageError: torch knows no such device, or this machine has none.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: a torch built without CUDA
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"a device of this machine ({_devices()})", f"{device!r}: {reason}", "use --device cpu"
        ) from error


def _devices() -> str:
    return ", ".join(["cpu", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))])


class Adapter(BaseAdapter):
    """A network.

    A minimal one::

        class MyNet(Adapter):
            def load(self, device: str, dtype: str) -> None:
                self.net = Net(self.scale).to(device, getattr(torch, dtype)).eval()
                self.net.load_state_dict(self.weights())

            def predict(self, lr: Tensor) -> Tensor:
                return self.net(lr)
    """

    def __init__(self, info: ModelInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        if not info.dtypes:
            raise self.broken("to name the dtypes it runs in", "none", "say dtypes in its card")

    @abstractmethod
    def predict(self, lr: Tensor) -> Tensor:
        """Super-resolve; called without autograd. It must not change ``lr``.

        Args:
            lr: ``(T, C, h, w)`` in [0, 1], of the dtype and on the device given to `load`; C = 3 (RGB), or
                1 (studio-range Y / 255) for ``channels = "y"``. Height and width are multiples of
                ``size_multiple``. T = 1 for ``kind = "still"``, and ``frames_before + 1 + frames_after`` for
                ``kind = "window"``. Enlarged already for ``pre_upsampled``.

        Returns:
            ``(T, C, scale * h, scale * w)`` floating (``(T, C, h, w)`` for ``pre_upsampled``), nominally in
            [0, 1]; values outside are clipped when the prediction is quantised (but refused if more than
            a tenth lie outside [-1, 2]: that is another scale). For ``kind = "window"``
            T = 1: the frame that the window is about.
        """

    @final
    def weights(self) -> dict[str, Tensor]:
        """The checkpoint of the scale it was started for: tensors by name, fetched and verified.

        Raises:
            Unavailable: it can't be had here, or the card names none for this scale.
            IntegrityError: its digest doesn't match.
        """
        found = self.info.weights_for(self.scale)
        if found is None:
            rule = f"weights of {self.info.name} for x{self.scale}"
            raise Unavailable(rule, "none in its card", "add them")
        arrays = load_arrays(fetch(found.asset), found.format)
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}

    @final
    def upscale(self, lr: Frames, job: Job) -> Frames:
        """Super-resolve a clip: still by still, window by window, or in one piece; as in `BaseAdapter`."""
        found = [self._piece(lr[frames]) for frames in inputs(len(lr), self.info)]
        return np.concatenate(found) if len(found) > 1 else found[0]

    @final
    def upscale_target(self, window: Frames, job: Job) -> Frames:
        """One window through the network; as in `BaseAdapter`."""
        return self._piece(window)

    def _piece(self, lr: Frames) -> Frames:
        """What goes through the network at once: a still, a window or a sequence."""
        entered = [door.enter(frame, self.info, self.scale) for frame in lr]
        planes = torch.from_numpy(np.stack([e.planes for e in entered]))
        if self.info.kind == "window":
            entered = entered[self.info.frames_before :][:1]
        lr_planes = planes.to(self.settings.device, getattr(torch, self.settings.dtype))
        sr = ensembled(self._padded, lr_planes) if self.settings.ensemble else self._padded(lr_planes)
        # One frame at a time in double: a long piece of a clip would need its memory several times over.
        left = [e.leave(_frame(planes)) for e, planes in zip(entered, sr, strict=True)]
        return np.stack(left) if len(left) > 1 else left[0][None]

    def _padded(self, lr: Tensor) -> Tensor:
        """Pad at the bottom and on the right, as the field's test code does; cut the result."""
        height, width = lr.shape[2:]
        rows, cols = (torch.from_numpy(reflected(n, self.info.size_multiple)) for n in (height, width))
        padded = lr.index_select(2, rows.to(lr.device)).index_select(3, cols.to(lr.device))
        sr = self._tiled(padded, self._whole) if self.settings.tile else self._whole(padded)
        return sr[..., : height * self._factor, : width * self._factor]

    def _answers(self, frames: int) -> int:
        """How many frames the network gives for so many."""
        return 1 if self.info.kind == "window" else frames

    @property
    def _factor(self) -> int:
        return 1 if self.info.pre_upsampled else self.scale

    @final
    def unchecked(self, lr: Tensor, predict: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """The network alone, tiled and ensembled as asked: what a timing times.

        Args:
            lr: as `predict` takes it: at the door, padded to the size multiple. In tiles if so asked.
            predict: in the place of the adapter's own, for one that was compiled.

        Raises:
            MemoryError: not enough memory, of whichever device.
        """

        def whole(planes: Tensor) -> Tensor:
            sr: Tensor = self._predict(planes, predict or self.predict)
            return sr

        def once(planes: Tensor) -> Tensor:
            return self._tiled(planes, whole) if self.settings.tile else whole(planes)

        return ensembled(once, lr) if self.settings.ensemble else once(lr)

    def _tiled(self, lr: Tensor, predict: Callable[[Tensor], Tensor]) -> Tensor:
        t, c, height, width = lr.shape
        whole = torch.empty(0)
        side = tile_side(self.info, self.settings.tile, self.scale)
        for rows, cols in tiles(height, width, side, tile_overlap(self.info)):
            sr = predict(lr[..., rows.seen(), cols.seen()].contiguous())
            if not len(whole):  # only now is it known in which dtype the network answers
                whole = sr.new_empty((self._answers(t), c, height * self._factor, width * self._factor))
            kept = sr[..., rows.kept(self._factor), cols.kept(self._factor)]
            whole[..., rows.placed(self._factor), cols.placed(self._factor)] = kept
        return whole

    def _whole(self, lr: Tensor) -> Tensor:
        given = lr.clone()
        with torch.inference_mode(), _exact():
            sr = self._predict(given, self.predict)
        # The version counts torch's in-place operations, those too that changed no value; numpy's it misses.
        if given._version != 0 or not torch.equal(given, lr):
            raise self.broken("to leave its input alone", "predict changed it in place", "clone it first")
        t, c, h, w = lr.shape
        return self._checked(sr, (self._answers(t), c, h * self._factor, w * self._factor))

    def _predict(self, lr: Tensor, predict: Callable[[Tensor], Tensor]) -> Any:
        try:
            return predict(lr)
        except torch.cuda.OutOfMemoryError as error:
            raise MemoryError(str(error)) from error
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # how torch's CPU allocator says it
                raise MemoryError(str(error)) from error
            raise

    def _checked(self, sr: Any, shape: tuple[int, int, int, int]) -> Tensor:
        if not isinstance(sr, Tensor):
            raise self.broken("to predict a tensor", type(sr).__name__, "return (T, C, H, W)")
        if tuple(sr.shape) != shape:
            rule = f"to predict shape {shape} = (frames, channels, scale * height, scale * width)"
            raise self.broken(rule, f"shape {tuple(sr.shape)}", "check the scale and the card's channels")
        if not sr.is_floating_point():
            raise self.broken("to predict floating point in [0, 1]", str(sr.dtype), "don't quantise")
        if sr.requires_grad:
            raise self.broken("to predict without autograd", "a tensor with a graph", "keep it disabled")
        if not torch.isfinite(sr).all():
            got = not_finite(_numpy(sr))
            raise self.broken("to predict finite values", got, "look for a division or an overflow")
        self._check_range(sr)
        return sr

    def _check_range(self, sr: Tensor) -> None:
        """Refuse another scale than [0, 1], never an overshoot, nor a few wild pixels."""
        low, high = (float(value) for value in sr.aminmax())
        if low >= LOWEST and high <= HIGHEST:
            return
        outside = int(((sr < LOWEST) | (sr > HIGHEST)).count_nonzero())
        if outside > WILD * sr.numel():
            hint = "divide by 255 if they are 0..255"
            raise self.broken("to predict values of the scale [0, 1]", f"{low:.3g} to {high:.3g}", hint)


def ensembled(predict: Callable[[Tensor], Tensor], lr: Tensor) -> Tensor:
    """Geometric self-ensemble: the mean over the eight flips and turns, each undone on the output.

    B. Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, CVPRW 2017, section
    4.3. The mean is taken in float32 at least.

    Args:
        predict: ``(T, C, h, w)`` to ``(T, C, s * h, s * w)``.
        lr: ``(T, C, h, w)``.
    """
    total = torch.zeros(())
    for turns, flip in product(range(4), (False, True)):
        turned = torch.rot90(lr.flip(3) if flip else lr, turns, (2, 3)).contiguous()
        sr = torch.rot90(predict(turned), -turns, (2, 3))
        sr = (sr.flip(3) if flip else sr).to(torch.promote_types(sr.dtype, torch.float32))
        total = total.to(sr.device) + sr
    return total / 8


def _exact() -> AbstractContextManager[None]:
    """On a GPU float32 means float32, not TF32 with its ten-bit products, and runs repeat to the bit."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


def _frame(planes: Tensor) -> NDArray[np.float64]:
    """``(C, H, W)`` in [0, 1] as ``(H, W, C)`` on the 0..255 scale, in one copy."""
    frame: NDArray[np.float64] = planes.to("cpu", torch.float64, copy=True).numpy().transpose(1, 2, 0)
    frame *= 255
    return frame


def _numpy(values: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = values.cpu().double().numpy()
    return array
