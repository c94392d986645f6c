"""FSRCNN.

C. Dong, C. C. Loy, X. Tang, "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016,
section 3: SRCNN that works on the small image, and enlarges with its last layer, a deconvolution.

Tensor names are those of yjn870/FSRCNN-pytorch.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


class FSRCNN(nn.Module):
    """FSRCNN(d, s, m): feature extraction, shrinking, mapping, expanding, deconvolution.

    Tensors: ``first_part.0`` (5x5) and ``.1`` (PReLU), ``mid_part.0``, ``.1`` (1x1, PReLU), m times 3x3 and
    PReLU, 1x1 and PReLU, ``last_part`` (in, out, 9, 9).

    Args:
        scale: super-resolution factor.
        features: d, channels of the large layers; 56 in the paper.
        shrunk: s, channels of the mapping layers; 12.
        mappings: m, number of mapping layers; 4.
    """

    def __init__(self, scale: int, features: int = 56, shrunk: int = 12, mappings: int = 4) -> None:
        super().__init__()
        self.first_part = nn.Sequential(nn.Conv2d(1, features, 5, padding=2), nn.PReLU(features))
        shrink = [nn.Conv2d(features, shrunk, 1), nn.PReLU(shrunk)]
        mapping = [
            layer
            for _ in range(mappings)
            for layer in (nn.Conv2d(shrunk, shrunk, 3, padding=1), nn.PReLU(shrunk))
        ]
        expand = [nn.Conv2d(shrunk, features, 1), nn.PReLU(features)]
        self.mid_part = nn.Sequential(*shrink, *mapping, *expand)
        self.last_part = nn.ConvTranspose2d(features, 1, 9, scale, padding=4, output_padding=scale - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve a luma plane.

        Args:
            x: ``(N, 1, h, w)`` float, Y / 255.

        Returns:
            ``(N, 1, scale * h, scale * w)``.
        """
        return cast(Tensor, self.last_part(self.mid_part(self.first_part(x))))
