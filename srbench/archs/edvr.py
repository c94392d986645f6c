"""EDVR: neighbouring frames are aligned by deformable convolution and fused by attention.

X. Wang, K. C. K. Chan, K. Yu, C. Dong, C. C. Loy, "EDVR: Video Restoration with Enhanced Deformable
Convolutional Networks", CVPRW 2019. Tensors have BasicSR's names; OpenMMLab's are translated by `named`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from srbench.archs.video import leaky, residual_blocks

LEVELS = ("l1", "l2", "l3")
"""The whole, half and quarter of the size."""
_FROM_OPENMMLAB = (
    (r"^feat_l([23])_conv([12])\.conv\.", r"conv_l\1_\2."),
    (r"^pcd_alignment\.(.+?)(?:\.conv)?\.(weight|bias)$", r"pcd_align.\1.\2"),
    (r"^(fusion\..+)\.conv\.", r"\1."),
    (r"^upsample([12])\.upsample_conv\.", r"upconv\1."),
)
"""Its convolutions with an activation are modules of two, and a few parts have other names; the network, its
order of channels and its range [0, 1] are the same (mmagic, models/editors/edvr/edvr_net.py)."""


def named(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's tensors under the names used here.

    Args:
        tensors: flat names, after wrappers were taken off (`srbench.archs.checkpoints.unwrapped`): BasicSR's,
            or OpenMMLab's (``feat_l2_conv1.conv``, ``pcd_alignment``, ``upsample1.upsample_conv``).
    """
    return {_renamed(name): tensor for name, tensor in tensors.items()}


def _renamed(name: str) -> str:
    for old, new in _FROM_OPENMMLAB:
        name, count = re.subn(old, new, name)
        if count:
            break
    return name


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class DeformableConv(nn.Module):
    """Modulated deformable convolution, 3x3, whose offsets and masks come from other features.

    X. Zhu et al., "Deformable ConvNets v2", CVPR 2019, equation 1; as in EDVR the offsets are predicted from
    ``guide`` instead of the input itself. Tensors: ``weight``, ``bias``, ``conv_offset.*``.
    """

    def __init__(self, features: int, groups: int) -> None:
        super().__init__()
        plain = _conv(features, features)
        self.weight, self.bias = plain.weight, cast(nn.Parameter, plain.bias)
        self.conv_offset = _conv(features, groups * 3 * 9)
        # As in the paper's code: it begins as a plain convolution halved.
        nn.init.zeros_(self.conv_offset.weight)
        nn.init.zeros_(cast(nn.Parameter, self.conv_offset.bias))

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Convolve at displaced positions.

        Args:
            x: ``(N, features, H, W)``.
            guide: same shape; gives per group, tap and pixel two offsets (down, right) and a mask in [0, 1].

        Returns:
            ``(N, features, H, W)``.
        """
        first, second, mask = self.conv_offset(guide).chunk(3, 1)
        offset, mask = torch.cat([first, second], 1), mask.sigmoid()
        if self.training and x.device.type == "cpu":
            return sampled_conv2d(x, offset, self.weight, self.bias, mask)
        return cast(Tensor, deform_conv2d(x, offset, self.weight, self.bias, padding=1, mask=mask))


def sampled_conv2d(x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    """``deform_conv2d`` for 3x3 and padding 1 by ``grid_sample``: the same to rounding.

    Forth and back it takes a quarter of the time on a CPU (`tests/bench/study_deformable.py`).

    Args:
        x: ``(N, C, H, W)``.
        offset: ``(N, 18 groups, H, W)``: for each group and tap its shift down, then right.
        weight: ``(out, C, 3, 3)``.
        bias: ``(out,)``.
        mask: ``(N, 9 groups, H, W)``.

    Returns:
        ``(N, out, H, W)``.
    """
    n, c, h, w = x.shape
    groups = mask.shape[1] // 9
    shift = offset.reshape(n * groups, 9, 2, h, w)
    taps = torch.arange(9, device=x.device)
    rows = torch.arange(h, device=x.device)[:, None] + (taps // 3 - 1)[:, None, None] + shift[:, :, 0]
    cols = torch.arange(w, device=x.device) + (taps % 3 - 1)[:, None, None] + shift[:, :, 1]
    # grid_sample counts from -1 to 1 between the centres of the outermost pixels.
    grid = torch.stack((2 * cols / max(w - 1, 1) - 1, 2 * rows / max(h - 1, 1) - 1), -1)
    sampled = F.grid_sample(
        x.reshape(n * groups, c // groups, h, w), grid.view(n * groups, 9 * h, w, 2), align_corners=True
    )
    taken = (sampled * mask.reshape(n * groups, 1, 9 * h, w)).reshape(n, c * 9, h, w)
    return F.conv2d(taken, weight.reshape(weight.shape[0], c * 9, 1, 1), bias)


class PCDAlignment(nn.Module):
    """Pyramid, cascading and deformable alignment (section 3.2, figure 3).

    From the coarsest level up: offsets from both frames and the level below, deformable convolution, fusion
    with the aligned features below; then one more deformable convolution on the finest level.

    Tensors: ``offset_conv1.l{1,2,3}``, ``offset_conv2.l{1,2,3}``, ``offset_conv3.l{1,2}``,
    ``dcn_pack.l{1,2,3}``, ``feat_conv.l{1,2}``, ``cas_offset_conv1``, ``cas_offset_conv2``, ``cas_dcnpack``.
    """

    def __init__(self, features: int = 64, groups: int = 8) -> None:
        super().__init__()
        both = features * 2
        upward = LEVELS[::-1]
        self.offset_conv1 = nn.ModuleDict({level: _conv(both, features) for level in upward})
        self.offset_conv2 = nn.ModuleDict(
            {level: _conv(features if level == "l3" else both, features) for level in upward}
        )
        self.offset_conv3 = nn.ModuleDict({level: _conv(features, features) for level in upward[1:]})
        self.dcn_pack = nn.ModuleDict({level: DeformableConv(features, groups) for level in upward})
        self.feat_conv = nn.ModuleDict({level: _conv(both, features) for level in upward[1:]})
        self.cas_offset_conv1 = _conv(both, features)
        self.cas_offset_conv2 = _conv(features, features)
        self.cas_dcnpack = DeformableConv(features, groups)

    def forward(self, neighbour: list[Tensor], reference: list[Tensor]) -> Tensor:
        """Align a neighbouring frame's features to the reference frame's.

        Args:
            neighbour: ``(N, features, H, W)``, and at half and quarter of the size.
            reference: the same.

        Returns:
            ``(N, features, H, W)``.
        """
        offset = self._offset("l3", neighbour[2], reference[2], None)
        aligned = leaky(self.dcn_pack["l3"](neighbour[2], offset))
        for level, near, far in zip(("l2", "l1"), neighbour[1::-1], reference[1::-1], strict=True):
            # A displacement of one pixel is one of two pixels on the next finer level.
            offset = self._offset(level, near, far, 2 * _doubled(offset))
            found = self.dcn_pack[level](near, offset)
            aligned = self.feat_conv[level](torch.cat([found, _doubled(aligned)], 1))
            aligned = leaky(aligned) if level == "l2" else aligned
        guide = leaky(self.cas_offset_conv1(torch.cat([aligned, reference[0]], 1)))
        return leaky(self.cas_dcnpack(aligned, leaky(self.cas_offset_conv2(guide))))

    def _offset(self, level: str, neighbour: Tensor, reference: Tensor, below: Tensor | None) -> Tensor:
        """The features from which a level's offsets are predicted (equation 5)."""
        offset = leaky(self.offset_conv1[level](torch.cat([neighbour, reference], 1)))
        if below is None:
            return leaky(self.offset_conv2[level](offset))
        offset = leaky(self.offset_conv2[level](torch.cat([offset, below], 1)))
        return leaky(self.offset_conv3[level](offset))


class TSAFusion(nn.Module):
    """Temporal and spatial attention (section 3.3, figure 4).

    Tensors: ``temporal_attn{1,2}``, ``feat_fusion``, ``spatial_attn{1..5}``, ``spatial_attn_l{1,2,3}``,
    ``spatial_attn_add{1,2}``.
    """

    def __init__(self, features: int = 64, frames: int = 5) -> None:
        super().__init__()
        self.center = frames // 2
        self.temporal_attn1 = _conv(features, features)
        self.temporal_attn2 = _conv(features, features)
        self.feat_fusion = _conv(frames * features, features, 1)
        self.spatial_attn1 = _conv(frames * features, features, 1)
        self.spatial_attn2 = _conv(features * 2, features, 1)
        self.spatial_attn3 = _conv(features, features)
        self.spatial_attn4 = _conv(features, features, 1)
        self.spatial_attn5 = _conv(features, features)
        self.spatial_attn_l1 = _conv(features, features, 1)
        self.spatial_attn_l2 = _conv(features * 2, features)
        self.spatial_attn_l3 = _conv(features, features)
        self.spatial_attn_add1 = _conv(features, features, 1)
        self.spatial_attn_add2 = _conv(features, features, 1)

    def forward(self, aligned: Tensor) -> Tensor:
        """Fuse aligned frames.

        Args:
            aligned: ``(N, T, features, H, W)``, H and W multiples of 4.

        Returns:
            ``(N, features, H, W)``.
        """
        weighted = self._temporal(aligned)
        fused = leaky(self.feat_fusion(weighted))
        attention = self._spatial(weighted)
        added: Tensor = self.spatial_attn_add2(leaky(self.spatial_attn_add1(attention)))
        return fused * attention.sigmoid() * 2 + added

    def _temporal(self, aligned: Tensor) -> Tensor:
        """Each frame times its likeness to the middle one, pixel by pixel (equations 6 and 7)."""
        n, t, c, h, w = aligned.shape
        reference = self.temporal_attn1(aligned[:, self.center])
        embedded = self.temporal_attn2(aligned.reshape(n * t, c, h, w)).reshape(n, t, c, h, w)
        likeness = (embedded * reference[:, None]).sum(2, keepdim=True).sigmoid()
        weighted: Tensor = aligned * likeness
        return weighted.reshape(n, t * c, h, w)

    def _spatial(self, weighted: Tensor) -> Tensor:
        """A pyramid's attention map, before the sigmoid (equation 8)."""
        half = leaky(self.spatial_attn2(_pooled(leaky(self.spatial_attn1(weighted)))))
        quarter = leaky(self.spatial_attn_l2(_pooled(leaky(self.spatial_attn_l1(half)))))
        quarter = leaky(self.spatial_attn_l3(quarter))
        half = leaky(self.spatial_attn3(half)) + _doubled(quarter)
        return cast(Tensor, self.spatial_attn5(_doubled(leaky(self.spatial_attn4(half)))))


def _pooled(x: Tensor) -> Tensor:
    """Maxima and means at half the size, ``(N, 2C, H / 2, W / 2)``."""
    return torch.cat([F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 3, 2, 1)], 1)


class EDVR(nn.Module):
    """Features, alignment of every frame to the middle one, fusion, reconstruction (figure 2); x4.

    M: 64 features, 5 frames, 10 reconstruction blocks. L: 128 features, 7 frames, 40 blocks.

    Tensors: ``conv_first``, ``feature_extraction.{i}``, ``conv_l2_{1,2}``, ``conv_l3_{1,2}``,
    ``pcd_align.*``, ``fusion.*``, ``reconstruction.{i}``, ``upconv1``, ``upconv2``, ``conv_hr``,
    ``conv_last``.

    Args:
        features: width.
        frames: of a window, odd; the middle one is restored.
        groups: deformable groups.
        extraction: residual blocks before the alignment.
        reconstruction: residual blocks after the fusion.
        tsa: fuse by attention; else by one 1x1 convolution.
        tail: width at the whole size of the output, 64 in both of the paper's.
    """

    def __init__(
        self,
        features: int = 64,
        frames: int = 5,
        groups: int = 8,
        extraction: int = 5,
        reconstruction: int = 10,
        *,
        tsa: bool = True,
        tail: int = 64,
    ) -> None:
        super().__init__()
        self.center = frames // 2
        self.conv_first = _conv(3, features)
        self.feature_extraction = residual_blocks(extraction, features)
        self.conv_l2_1 = _conv(features, features, stride=2)
        self.conv_l2_2 = _conv(features, features)
        self.conv_l3_1 = _conv(features, features, stride=2)
        self.conv_l3_2 = _conv(features, features)
        self.pcd_align = PCDAlignment(features, groups)
        self.fusion = TSAFusion(features, frames) if tsa else _conv(frames * features, features, 1)
        self.reconstruction = residual_blocks(reconstruction, features)
        self.upconv1 = _conv(features, features * 4)
        self.upconv2 = _conv(features, tail * 4)
        self.conv_hr = _conv(tail, tail)
        self.conv_last = _conv(tail, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Restore the middle frame of a window.

        Args:
            x: ``(N, T, 3, h, w)`` RGB in [0, 1], h and w multiples of 4.

        Returns:
            ``(N, 3, 4h, 4w)``.
        """
        pyramids = [self._pyramid(frame) for frame in x.unbind(1)]
        reference = pyramids[self.center]
        aligned = torch.stack([self.pcd_align(pyramid, reference) for pyramid in pyramids], 1)
        fused = self.fusion(aligned if isinstance(self.fusion, TSAFusion) else aligned.flatten(1, 2))
        return self._restored(x[:, self.center], self.reconstruction(fused))

    def _pyramid(self, frame: Tensor) -> list[Tensor]:
        """Features of a frame at the whole, half and quarter of its size."""
        whole = self.feature_extraction(leaky(self.conv_first(frame)))
        half = leaky(self.conv_l2_2(leaky(self.conv_l2_1(whole))))
        quarter = leaky(self.conv_l3_2(leaky(self.conv_l3_1(half))))
        return [whole, half, quarter]

    def _restored(self, frame: Tensor, x: Tensor) -> Tensor:
        """Two pixel shuffles, and the bilinear frame that the details are added to."""
        x = leaky(F.pixel_shuffle(self.upconv1(x), 2))
        x = leaky(F.pixel_shuffle(self.upconv2(x), 2))
        details: Tensor = self.conv_last(leaky(self.conv_hr(x)))
        return details + F.interpolate(frame, scale_factor=4, mode="bilinear", align_corners=False)
