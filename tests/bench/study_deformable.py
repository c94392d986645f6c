"""What deformable convolution takes on one CPU core, forth and back: torchvision's, and by ``grid_sample``.

    python tests/bench/study_deformable.py

prints, for a few shapes, the medians of nine interleaved runs each and their ratio.
"""

# ruff: noqa: T201 - a program that prints

from __future__ import annotations

import statistics
import time

import torch

from srbench.archs.edvr import DeformableConv

SHAPES = ((4, 16, 2, 16), (4, 16, 2, 4), (20, 16, 1, 16), (4, 64, 8, 16))
"""Batch, features, deformable groups, side."""


def seconds(net: DeformableConv, x: torch.Tensor, *, sampled: bool) -> float:
    """One pass forth and back."""
    net.train(sampled)
    began = time.perf_counter()
    net(x, x).square().sum().backward()
    return time.perf_counter() - began


def main() -> None:
    """Print a line for each shape."""
    torch.set_num_threads(1)
    for n, features, groups, side in SHAPES:
        net = DeformableConv(features, groups)
        torch.nn.init.normal_(net.conv_offset.weight, std=0.05)
        x = torch.randn(n, features, side, side, requires_grad=True)
        runs = [[seconds(net, x, sampled=sampled) for sampled in (False, True)] for _ in range(10)][1:]
        direct, sampled = (1000 * statistics.median(column) for column in zip(*runs, strict=True))
        shape = f"{n} x {features} x {side} x {side}, {groups} groups"
        print(f"{shape}: torchvision {direct:.1f} ms, sampled {sampled:.1f} ms, {direct / sampled:.1f} times")


if __name__ == "__main__":
    main()
