"""What batch normalisation costs a training step: bytes kept for the gradient, and time, interleaved.

    python tests/bench/study_normalisation.py

prints, for the body of ``bn-loss`` and for EDSR's baseline (16 blocks of 64 channels), at x2: what a step's
forward pass keeps with and without, and the medians of interleaved steps (forth, back, Adam) on one thread.
"""

# ruff: noqa: T201 - a program that prints

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

from srbench.archs.build import build
from srbench.archs.descriptions import EDSR
from srbench.train.loop import saved_bytes

SIZES = ((6, 16, 8, 24, 40), (16, 64, 4, 24, 8))
"""Blocks, channels, batch, side of a patch, steps."""


class Side:
    """One of the two networks, with its optimiser."""

    def __init__(self, blocks: int, features: int, *, norm: bool) -> None:
        description = EDSR(2, blocks=blocks, features=features, norm=norm, value_range=1.0)
        self.net = build(description).train().to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-4)

    def kept(self, lr: torch.Tensor, hr: torch.Tensor) -> int:
        """Bytes that a step keeps, parameters not counted."""
        with saved_bytes(self.net) as count:
            nn.functional.l1_loss(self.net(lr), hr)
        return count()

    def seconds(self, lr: torch.Tensor, hr: torch.Tensor) -> float:
        """One step."""
        began = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        nn.functional.l1_loss(self.net(lr), hr).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return time.perf_counter() - began


def main() -> None:
    """Print a line for each size."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for blocks, features, batch, side, steps in SIZES:
        lr, hr = torch.rand(batch, 3, side, side), torch.rand(batch, 3, 2 * side, 2 * side)
        both = [Side(blocks, features, norm=norm) for norm in (True, False)]
        kept = [one.kept(lr, hr) / 1e6 for one in both]
        runs = [[one.seconds(lr, hr) for one in both] for _ in range(steps + 3)][3:]
        ms = [1000 * statistics.median(column) for column in zip(*runs, strict=True)]
        ratio = statistics.median(without / with_ for with_, without in runs)
        print(
            f"{blocks} x {features}, batch {batch} of {side} x {side}: kept {kept[0]:.2f} MB with, "
            f"{kept[1]:.2f} MB without ({100 * (1 - kept[1] / kept[0]):.0f} % less); "
            f"a step {ms[0]:.1f} ms with, {ms[1]:.1f} ms without ({ratio:.2f} of the time)"
        )


if __name__ == "__main__":
    main()
