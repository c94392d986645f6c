"""Full-reference metrics by name from the ``piq`` library, each with the settings it documents.

Only piq's functions are called, which need no weights; its classes that download unverified files are
never built (DISTS has its own module; piq's LPIPS and PieAPP are left out). The whole RGB image is given,
0..255, in float64: in float32 VIF alone moves by 3e-4. What piq's definition differs in from the authors'
code is said by each `Recipe` and in the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from srbench.errors import UsageError
from srbench.metrics.base import Image, Metric, check_large_enough, check_same_shape, library_version, loaded
from srbench.types import MetricInfo

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Recipe:
    """One of piq's functions.

    Attributes:
        function: its name in piq, called with prediction, ground truth and ``data_range=255``.
        settings: its defaults that matter, for the signature.
        least_side: the least height and width it is defined for.
    """

    function: str
    settings: str
    least_side: int


RECIPES: dict[str, Recipe] = {
    "fsim": Recipe("fsim", "chromatic", 2),
    "vif": Recipe("vif_p", "pixel-domain|luma", 41),
    "gmsd": Recipe("gmsd", "yiq-luma", 2),
    "ms_gmsd": Recipe("multi_scale_gmsd", "yiq-luma", 17),
    "ms_ssim": Recipe("multi_scale_ssim", "gauss:11:1.5|mean-of-rgb", 161),
    "vsi": Recipe("vsi", "chromatic", 2),
    "mdsi": Recipe("mdsi", "sum", 2),
    "haarpsi": Recipe("haarpsi", "scales:3|subsample", 16),
    "srsim": Recipe("srsim", "achromatic", 40),
}


class Piq(Metric):
    """One of piq's functions; its argument is a key of `RECIPES`. Always on the CPU."""

    def __init__(self, info: MetricInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        if argument not in RECIPES:
            raise UsageError("a metric of piq's", repr(argument), f"use one of {', '.join(RECIPES)}")
        self.recipe = RECIPES[argument]
        self._function: Callable[..., Tensor] | None = None

    @property
    def signature(self) -> str:
        """``vif|pixel-domain|luma|piq:0.8.0|rgb|whole|peak:255|float64|srbench:1``."""
        version = library_version("piq")
        return f"{self.argument}|{self.recipe.settings}|piq:{version}|rgb|whole|peak:255|float64|srbench:1"

    def load(self, device: str = "cpu") -> None:
        """Import PyTorch and piq."""
        import piq

        self._function = getattr(piq, self.recipe.function)

    def prepare(self, hr: Image) -> Tensor:
        """The ground truth as piq takes it.

        Raises:
            Unavailable: the image is too small for the metric.
        """
        check_large_enough(hr, self.recipe.least_side, self.info.title)
        return _tensor(hr)

    def score(self, sr: Image, prepared: Any) -> float:
        """What piq's function gives."""
        import torch

        check_same_shape(sr, (*prepared.shape[2:], 3))
        with torch.inference_mode():
            return float(loaded(self._function)(_tensor(sr), prepared, data_range=255.0))


def _tensor(rgb: Image) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1), np.float64))[None]
