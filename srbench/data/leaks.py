"""Does a training set hold what a test set tests on? Equal pixels, and pictures of the same thing.

An image is the same picture as another, or a part of it, larger, smaller or turned, if enough of their SIFT
keypoints (D. Lowe, IJCV 2004) match and agree on one similarity transform. So BSDS500's 302003 is found to
contain Set5's *woman*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from srbench.data.dataset import Dataset
from srbench.data.degrade import decode_frame
from srbench.data.manifest import Item

KEYPOINTS = 600
"""The strongest of an image."""
RATIO = 0.75
"""A match's distance to the second best one's, at most (Lowe, section 7.1)."""
INLIERS = 10
"""Matches that agree on one transform, at least."""
FRAMES_APART = 8
"""Of a clip only every so manieth frame is looked at."""
_PIXELS_APART = 3.0


@dataclass(frozen=True)
class Leak:
    """A pair of images that should not be on both sides.

    Attributes:
        train: ``set/item``.
        test: ``set/item``.
        how: ``pixels`` are equal, or the ``content`` is.
        inliers: how many keypoints agree; 0 for equal pixels.
    """

    train: str
    test: str
    how: Literal["pixels", "content"]
    inliers: int = 0


@dataclass(frozen=True)
class Keypoints:
    """Where the keypoints of an image are, float32 ``(n, 2)``, and what is there, float32 ``(n, 128)``."""

    at: NDArray[np.float32]
    descriptors: NDArray[np.float32]


def find_leaks(train: Dataset, test: Dataset, looked: Callable[[str], None] | None = None) -> list[Leak]:
    """Every pair of a training and a test item that show the same.

    Args:
        train: what is trained on; the part that is here.
        test: what is tested on; likewise.
        looked: told the name of each training item after it was compared.

    Raises:
        ImageError, IntegrityError: an image can't be read, or is another one.
    """
    pixels = {frame.pixels: item for item in test.items for frame in item.frames}
    tested = [(item, points) for item in test.items for points in _keypoints_of(test, item)]
    found: dict[tuple[str, str], Leak] = {}
    for item in train.items:
        for leak in [*_equal(train, test, item, pixels), *_alike(train, test, item, tested)]:
            found.setdefault((leak.train, leak.test), leak)
        if looked is not None:
            looked(item.name)
    return list(found.values())


def _equal(train: Dataset, test: Dataset, item: Item, pixels: dict[str, Item]) -> Iterator[Leak]:
    for frame in item.frames:
        if frame.pixels in pixels:
            yield Leak(f"{train.name}/{item.name}", f"{test.name}/{pixels[frame.pixels].name}", "pixels")


def _alike(train: Dataset, test: Dataset, item: Item, tested: list[tuple[Item, Keypoints]]) -> Iterator[Leak]:
    for points in _keypoints_of(train, item):
        for other, wanted in tested:
            count = agreeing(wanted, points)
            if count >= INLIERS:
                yield Leak(f"{train.name}/{item.name}", f"{test.name}/{other.name}", "content", count)


def _keypoints_of(dataset: Dataset, item: Item) -> Iterator[Keypoints]:
    files = dataset.files[item.name]
    for frame, path in list(zip(item.frames, files, strict=True))[::FRAMES_APART]:
        yield keypoints(decode_frame(frame, path))


def keypoints(image: NDArray[np.uint8]) -> Keypoints:
    """The strongest keypoints of a uint8 image, ``(H, W)`` gray or ``(H, W, 3)`` RGB."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    sift: Any = cv2.SIFT_create(KEYPOINTS)  # type: ignore[attr-defined] # its stub lacks it
    found, descriptors = sift.detectAndCompute(gray, None)
    if descriptors is None:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    return Keypoints(np.array([point.pt for point in found], np.float32), descriptors)


def agreeing(one: Keypoints, other: Keypoints) -> int:
    """How many matches of two images agree on one similarity transform (RANSAC, seeded)."""
    matches = _matches(one, other)
    if len(matches) < INLIERS:
        return 0
    cv2.setRNGSeed(0)
    here, there = one.at[matches[:, 0]], other.at[matches[:, 1]]
    _, inliers = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=_PIXELS_APART)
    return 0 if inliers is None else int(inliers.sum())


def _matches(one: Keypoints, other: Keypoints) -> NDArray[np.intp]:
    """Pairs of numbers of keypoints, ``(n, 2)``, that are each other's clearly nearest; each used once."""
    if min(len(one.at), len(other.at)) < 2:
        return np.zeros((0, 2), np.intp)
    distances: NDArray[Any] = (
        (one.descriptors**2).sum(1)[:, None]
        + (other.descriptors**2).sum(1)
        - 2 * one.descriptors @ other.descriptors.T
    )
    near = np.argpartition(distances, 1, axis=1)[:, :2]
    first, second = (np.take_along_axis(distances, near[:, k : k + 1], 1)[:, 0] for k in (0, 1))
    best = np.where(first <= second, near[:, 0], near[:, 1])
    clear = np.minimum(first, second) < RATIO**2 * np.maximum(first, second)
    mutual = distances.argmin(axis=0)[best] == np.arange(len(best))
    chosen = np.flatnonzero(clear & mutual)
    return np.stack([chosen, best[chosen]], axis=1)
