"""From files to what a model gets and what it is judged against, one frame at a time.

A still is a clip of one frame. Frames are decoded when they are asked for and only the latest ones are
kept, so that a clip longer than memory streams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srbench.data.blur import BLURS, blur_and_sample
from srbench.data.builtin import render
from srbench.data.manifest import Frame
from srbench.errors import ImageError, IntegrityError
from srbench.image.color import rgb2y, round_u8
from srbench.image.crop import modcrop
from srbench.image.io import pixels_sha256, read_image
from srbench.image.resize import imresize
from srbench.types import ClipSpec, EvalProtocol

U8 = NDArray[np.uint8]
Shrink = Callable[[U8, EvalProtocol], NDArray[Any]]

KEPT_BYTES = 2**26
"""What one clip's latest frames may take: several models look at the same frames around the present one."""


def decode_frame(frame: Frame, path: Path) -> U8:
    """The ground truth of a frame, its pixels checked against the manifest.

    The file's digest is checked when it is fetched; this one guards the decoder (JPEG decoders
    differ) and files of another encoding. A gray frame that is stored as three equal channels
    becomes one channel again.

    Returns:
        uint8 ``(H, W)`` gray or ``(H, W, 3)`` RGB.

    Raises:
        ImageError: the file is not an image that can be scored.
        IntegrityError: it decodes to other pixels.
    """
    image = read_image(path)
    if frame.generated:
        image = render(frame.generated, image)
    if len(frame.shape) == 2:
        image = without_copies(image)
    if image.shape != frame.shape or pixels_sha256(image) != frame.pixels:
        expected = f"the {_size(frame.shape)} pixels {frame.pixels[:12]} of {frame.path}"
        got = f"{_size(image.shape)} pixels {pixels_sha256(image)[:12]} in {path}"
        raise IntegrityError(expected, got, "fetch the file again; if it stays, the image decoder differs")
    return image


def without_copies(image: U8) -> U8:
    """One channel ``(H, W)`` if the three of an RGB image are equal; any other image as it is."""
    if image.ndim == 3 and np.array_equal(image, np.broadcast_to(image[..., :1], image.shape)):
        return image[..., 0]
    return image


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}x{shape[1]} {'gray' if len(shape) == 2 else 'RGB'}"


class FrameSource:
    """The frames of one item under one protocol, read and degraded when asked for.

    Args:
        spec: what these frames are.
        frames: each frame and the file that holds it.
        protocol: gray rule, crop and degradation.
        shrink: how a frame is degraded, if not as the protocol says.

    Arrays are read-only: they are shared by every model and metric, and may be asked for in any thread.
    """

    def __init__(
        self,
        spec: ClipSpec,
        frames: Sequence[tuple[Frame, Path]],
        protocol: EvalProtocol,
        shrink: Shrink | None = None,
    ) -> None:
        self.spec = spec
        self.frame_names = tuple(frame.name for frame, _ in frames)
        self._frames = tuple(frames)
        self._protocol = protocol
        self._shrink = shrink or degrade
        self._kept: dict[tuple[str, int], NDArray[Any]] = {}
        self._lock = RLock()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._frames)

    def hr(self, t: int) -> U8:
        """Ground truth: uint8 ``(H, W, C)``, C = 3, or 1 for a gray image under the gray rule ``y``.

        H and W are multiples of the protocol's ``modcrop``.

        Raises:
            ImageError: the file can't be scored, or is smaller than the scale.
            IntegrityError: the file decodes to other pixels than the manifest's.
        """
        return self._frame(("hr", t), lambda: np.ascontiguousarray(self._ground_truth(t)))

    def lr(self, t: int) -> NDArray[Any]:
        """The degraded frame: uint8 ``(h, w, C)``, or float64 ``(h, w, 1)`` in 0..255 where luma is degraded.

        Raises:
            ImageError, IntegrityError: as `hr`.
        """
        return self._frame(("lr", t), lambda: self._shrink(self.hr(t), self._protocol))

    def read(self, t: int) -> None:
        """Make a frame ready, in any thread, so that `hr` and `lr` give it at once."""
        self.lr(t)

    def _frame(self, key: tuple[str, int], make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """A frame, made once; the latest ones are kept, at least one ground truth and its degraded frame."""
        with self._lock:
            frame = self._kept.pop(key, None)
            self._kept[key] = frame = _frozen(make()) if frame is None else frame
            while len(self._kept) > 2 and sum(one.nbytes for one in self._kept.values()) > KEPT_BYTES:
                del self._kept[next(iter(self._kept))]
            return frame

    def _ground_truth(self, t: int) -> U8:
        frame, path = self._frames[t]
        image = decode_frame(frame, path)
        try:
            return apply_gray_rule(modcrop(image, self._protocol.modcrop), self._protocol)
        except ImageError as error:
            raise ImageError(error.expected, f"{error.got}: {path}", error.hint) from None


def apply_gray_rule(image: U8, protocol: EvalProtocol) -> U8:
    """``(H, W, C)``: a gray image as three equal channels (rule ``rgb``) or as one plane (rule ``y``)."""
    if image.ndim == 3:
        return image
    return np.repeat(image[..., None], 3 if protocol.gray == "rgb" else 1, axis=2)


def degrade(hr: U8, protocol: EvalProtocol) -> NDArray[Any]:
    """Shrink a ground-truth frame by the protocol's recipe.

    Args:
        hr: uint8 ``(H, W, C)`` whose height and width are multiples of the scale.
        protocol: `degraded` ``rgb``: bicubic in the protocol's flavour, rounded to uint8, or blurred and
            sampled (`srbench.data.blur`).
            ``y``: luma rounded to uint8 (a gray image counts as luma), shrunk in double, not rounded.

    Returns:
        uint8 ``(h, w, C)``, or float64 ``(h, w, 1)``.
    """
    if protocol.degradation in BLURS:
        return blur_and_sample(hr, BLURS[protocol.degradation])
    size = (hr.shape[0] // protocol.scale, hr.shape[1] // protocol.scale)
    if protocol.degraded == "rgb":
        small = imresize(hr, size=size, flavour=protocol.flavour)
        return small if small.dtype == np.uint8 else round_u8(small)
    luma = hr if hr.shape[2] == 1 else round_u8(rgb2y(hr))[..., None]
    return imresize(luma.astype(np.float64), size=size, flavour=protocol.flavour)


def _frozen(image: NDArray[Any]) -> NDArray[Any]:
    image.flags.writeable = False
    return image
