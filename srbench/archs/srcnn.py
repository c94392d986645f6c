"""SRCNN.

C. Dong, C. C. Loy, K. He, X. Tang, "Learning a Deep Convolutional Network for Image Super-Resolution",
ECCV 2014, section 3 (9-1-5), and "Image Super-Resolution Using Deep Convolutional Networks", TPAMI 2016,
section 4.3 (9-5-5). The image is enlarged by bicubic interpolation before it enters.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    # The authors' Caffe models convolve without padding and their MATLAB code filters with 'replicate'
    # (SRCNN.m: imfilter(..., 'same', 'replicate')). Zeros instead cost several dB near the borders.
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, padding_mode="replicate")


class SRCNN(nn.Module):
    """Three convolutions: patch extraction, non-linear mapping, reconstruction.

    Tensors: ``conv1``, ``conv2``, ``conv3``, each ``.weight`` (out, in, k, k) and ``.bias``.

    Attributes:
        kernels: sizes of the three kernels, 9-1-5 or 9-5-5.
    """

    def __init__(self, kernels: tuple[int, int, int] = (9, 1, 5)) -> None:
        super().__init__()
        self.kernels = kernels
        self.conv1 = _conv(1, 64, kernels[0])
        self.conv2 = _conv(64, 32, kernels[1])
        self.conv3 = _conv(32, 1, kernels[2])

    def forward(self, x: Tensor) -> Tensor:
        """Restore an enlarged luma plane.

        Args:
            x: ``(N, 1, H, W)`` float, studio-range Y / 255, already enlarged.

        Returns:
            Same shape and scale.
        """
        x = self.conv1(x).relu()
        x = self.conv2(x).relu()
        return cast(Tensor, self.conv3(x))
