"""Someone's own checkpoint in one of srbench's networks: ``srcnn:FILE``; planned without torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from srbench.adapters.file_argument import file_digests, model_file
from srbench.errors import UsageError
from srbench.registry import ModelEntry
from srbench.types import Asset, LocalPath, ModelInfo, Weights

FORMATS = {
    ".mat": "mat",
    ".h5": "keras",
    ".hdf5": "keras",
    ".safetensors": "safetensors",
    ".pth": "torch",
    ".pt": "torch",
    ".ckpt": "torch",
    ".pkl": "torch",
}
"""By the end of the file's name; see `srbench.fetch.arrays`."""
_ANY_SCALE = (2, 3, 4, 8)
_OVERLAP = 16
"""Of tiles, at the least: the file's network may be deeper than the card's."""


def takes_weights(entry: ModelEntry) -> bool:
    """Whether a model is one of srbench's networks that are filled from a checkpoint."""
    return bool(entry.origin == "built in" and entry.info.weights and not entry.info.argument)


def with_own_weights(entry: ModelEntry, argument: str) -> ModelEntry:
    """The model with a file's tensors in place of its card's; what the card says of those is left out.

    Args:
        entry: a model of which `takes_weights` is true.
        argument: the file. Its bytes are part of every result's key.

    Raises:
        UsageError: no such file, or its name doesn't say its format.
    """
    path = model_file(argument, entry.info.name)
    return replace(entry, info=_info(entry.info, argument, path, file_digests(argument)[0]))


def _info(info: ModelInfo, argument: str, path: Path, sha256: str) -> ModelInfo:
    # A network that works on the enlarged image is the same for every scale.
    scales = _ANY_SCALE if info.pre_upsampled else info.scales
    source = LocalPath(str(path.resolve()))
    weights = Weights(scales, Asset(path.name, (source,), sha256), _format(path), "its owner's")
    return replace(
        info,
        name=f"{info.name}:{argument}",
        title=f"{info.name} with {path.name}",
        scales=scales,
        weights=(weights,),
        receptive_field=0,
        tile_overlap=max(info.receptive_field, _OVERLAP),
        params=None,
        trained_on=(),
        licence=weights.licence,
        published_as="",
    )


def _format(path: Path) -> str:
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        got = f"{path.name!r}"
        raise UsageError(f"a checkpoint ({', '.join(FORMATS)})", got, "rename it by its format") from None
