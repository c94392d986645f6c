"""Wrappers that training code leaves around a checkpoint's names."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

WRAPPERS = ("params_ema.", "params.", "state_dict.", "generator_ema.", "generator.", "module.")
"""BasicSR's top keys, Lightning's and OpenMMLab's top key, OpenMMLab's generators, DataParallel. Averaged
weights stand before the others: where a file has both, they are what its authors evaluate."""


def unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the network's own names; what lies beside a wrapper (optimisers, losses) is left out."""
    found = dict(tensors)
    for wrapper in WRAPPERS:
        inside = {n.removeprefix(wrapper): t for n, t in found.items() if n.startswith(wrapper)}
        found = inside or found
    return found
