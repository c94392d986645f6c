"""The scale of a network that doesn't say it: a small gray image goes in, the sizes tell."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from srbench.errors import IntegrityError, Unavailable

_SIDE = 48
"""A multiple of the 2, 4, 8, 12, 16 and 24 that networks want their sizes to be."""


def check_scale(predict: Callable[[Tensor], Tensor], scale: int, name: str, device: str, dtype: str) -> None:
    """Refuse a network of another scale.

    Args:
        predict: ``(1, 3, h, w)`` in [0, 1] to ``(1, 3, scale * h, scale * w)``.
        scale: that it was started for.
        name: the file's, for messages.
        device: torch's word.
        dtype: torch's word.

    Raises:
        Unavailable: it enlarges by another factor.
        IntegrityError: it fails, or its output is no enlarged image.
    """
    lr = torch.full((1, 3, _SIDE, _SIDE), 0.5, device=device, dtype=getattr(torch, dtype))
    expected = "a network that takes (1, 3, h, w) in [0, 1]"
    try:
        with torch.inference_mode():
            shape = tuple(predict(lr).shape)
    except Exception as error:  # a stranger's network: whatever it raises is said in one line
        lines = [line for line in str(error).splitlines() if line.strip()] or [""]
        got = f"{name}: {type(error).__name__}: {lines[-1].strip()[:160]}"
        raise IntegrityError(expected, got, "export it for images of any size") from error
    if len(shape) != 4 or shape[:2] != (1, 3) or shape[2] != shape[3] or shape[2] % _SIDE:
        raise IntegrityError(
            f"{expected}, and enlarges it",
            f"{name}: {shape} from (1, 3, {_SIDE}, {_SIDE})",
            "check its output",
        )
    if shape[2] != scale * _SIDE:
        got = f"{name}, which is x{shape[2] // _SIDE}"
        raise Unavailable(f"a model for x{scale}", got, "choose its scale")
