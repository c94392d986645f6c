"""VDSR.

J. Kim, J. K. Lee, K. M. Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks",
CVPR 2016, section 3.1: twenty 3x3 convolutions learn what is missing from the enlarged image. One network
serves all scales (section 4.3). The image is enlarged by bicubic interpolation before it enters.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class VDSR(nn.Module):
    """A chain of convolutions whose output is added to its input.

    Tensors: ``conv1`` ... ``conv20``, each ``.weight`` (out, in, 3, 3) and ``.bias``.

    Attributes:
        depth: number of convolutions.
        global_skip: whether the input is added (section 3.2, "residual-learning"), or the chain gives the
            whole image (the paper's non-residual network).
    """

    def __init__(self, depth: int = 20, features: int = 64, *, global_skip: bool = True) -> None:
        super().__init__()
        self.depth = depth
        self.global_skip = global_skip
        widths = [1, *[features] * (depth - 1), 1]
        for n in range(1, depth + 1):
            self.add_module(f"conv{n}", nn.Conv2d(widths[n - 1], widths[n], 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Restore an enlarged luma plane.

        Args:
            x: ``(N, 1, H, W)`` float, studio-range Y / 255, already enlarged; no mean is subtracted.

        Returns:
            Same shape and scale.
        """
        restored = x
        for n in range(1, self.depth):
            restored = self.get_submodule(f"conv{n}")(restored).relu()
        restored = self.get_submodule(f"conv{self.depth}")(restored)
        return cast(Tensor, x + restored if self.global_skip else restored)
