"""BasicVSR: features propagate through the whole clip, backward and forward, aligned by optical flow.

K. C. K. Chan, X. Wang, K. Yu, C. Dong, C. C. Loy, "BasicVSR: The Search for Essential Components in Video
Super-Resolution and Beyond", CVPR 2021, section 3. Tensors have BasicSR's names.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srbench.archs.dis_flow import dis_flow
from srbench.archs.spynet import SPyNet
from srbench.archs.video import leaky, residual_blocks, warp

Flow = Literal["spynet", "dis", "none"]


class Trunk(nn.Module):
    """A convolution and residual blocks: one direction's feature extractor (section 3.2, R_b and R_f).

    Tensors: ``main.0``, ``main.2.{i}.conv1``, ``main.2.{i}.conv2``.
    """

    def __init__(self, inputs: int, features: int, blocks: int) -> None:
        super().__init__()
        first = nn.Conv2d(inputs, features, 3, padding=1)
        self.main = nn.Sequential(first, nn.LeakyReLU(0.1), residual_blocks(blocks, features))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, inputs, H, W)`` to ``(N, features, H, W)``."""
        return cast(Tensor, self.main(x))


class BasicVSR(nn.Module):
    """Bidirectional propagation, flow alignment, concatenation, pixel shuffle; x4.

    Tensors: ``spynet.*``, ``backward_trunk.*``, ``forward_trunk.*``, ``fusion``, ``upconv1``, ``upconv2``,
    ``conv_hr``, ``conv_last``.

    Args:
        features: channels that propagate.
        blocks: residual blocks of each direction.
        tail: channels after the second pixel shuffle.
        flow: what features are aligned by (section 3.2): SPyNet, as in the paper; dense inverse search, which
            has no weights (`srbench.archs.dis_flow`); or nothing, "without alignment".
    """

    def __init__(
        self, features: int = 64, blocks: int = 30, *, tail: int = 64, flow: Flow = "spynet"
    ) -> None:
        super().__init__()
        self.features, self.flow = features, flow
        if flow == "spynet":
            self.spynet = SPyNet()
        self.backward_trunk = Trunk(features + 3, features, blocks)
        self.forward_trunk = Trunk(features + 3, features, blocks)
        self.fusion = nn.Conv2d(features * 2, features, 1)
        self.upconv1 = nn.Conv2d(features, features * 4, 3, padding=1)
        self.upconv2 = nn.Conv2d(features, tail * 4, 3, padding=1)
        self.conv_hr = nn.Conv2d(tail, tail, 3, padding=1)
        self.conv_last = nn.Conv2d(tail, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Super-resolve a clip.

        One feature map per frame is kept between the two directions; all else lives for one frame.

        Args:
            x: ``(N, T, 3, h, w)`` RGB in [0, 1].

        Returns:
            ``(N, T, 3, 4h, 4w)``.
        """
        frames = list(x.unbind(1))
        behind = self._backward(frames)
        state = self._nothing(frames[0])
        restored = []
        for t, frame in enumerate(frames):
            if t > 0:
                state = self._aligned(state, frame, frames[t - 1])
            state = self.forward_trunk(torch.cat([frame, state], 1))
            restored.append(self._restored(frame, torch.cat([behind.pop(), state], 1)))
        return torch.stack(restored, 1)

    def _backward(self, frames: list[Tensor]) -> list[Tensor]:
        """Features that know of all later frames, the last frame's first."""
        state = self._nothing(frames[0])
        found: list[Tensor] = []
        for t in reversed(range(len(frames))):
            if found:
                state = self._aligned(state, frames[t], frames[t + 1])
            state = self.backward_trunk(torch.cat([frames[t], state], 1))
            found.append(state)
        return found

    def _aligned(self, state: Tensor, frame: Tensor, neighbour: Tensor) -> Tensor:
        """Section 3.2: the neighbour's features where this frame has them."""
        if self.flow == "none":
            return state
        return warp(state, (self.spynet if self.flow == "spynet" else dis_flow)(frame, neighbour))

    def _nothing(self, frame: Tensor) -> Tensor:
        return frame.new_zeros(len(frame), self.features, *frame.shape[2:])

    def _restored(self, frame: Tensor, both: Tensor) -> Tensor:
        """Section 3.4: fusion, two pixel shuffles, and the bilinear frame that the details are added to."""
        x = leaky(self.fusion(both))
        x = leaky(F.pixel_shuffle(self.upconv1(x), 2))
        x = leaky(F.pixel_shuffle(self.upconv2(x), 2))
        details: Tensor = self.conv_last(leaky(self.conv_hr(x)))
        return details + F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
