"""What a plan must know of a model before anything is loaded: no torch is imported here.

A network's card and its files' bytes answer for it (an empty ``dtypes`` in the card says that there is no
network); a model without a network answers for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from srbench.adapters.base import BaseAdapter, PlainAdapter, Settings, card_skip, settings_refused
from srbench.adapters.clips import clip_signature
from srbench.adapters.file_argument import file_digests
from srbench.adapters.source import source_digest
from srbench.adapters.tiles import tile_overlap, tile_side
from srbench.errors import PluginError, SrbenchError
from srbench.registry import ModelEntry, build, what_happened
from srbench.types import ClipSpec, EvalProtocol, ModelInfo, digest

Answer = TypeVar("Answer")


def skip_reason(
    entry: ModelEntry, argument: str, protocol: EvalProtocol, settings: Settings | None = None
) -> str | None:
    """Why a model can't run under a protocol, or as it is asked to; None if it can.

    Raises:
        UsageError: the model doesn't take this argument.
        PluginError: it can't be built, or fails to answer.
    """
    refused = settings_refused(entry.info, settings or Settings())
    if entry.info.dtypes:
        return card_skip(entry.info, protocol) or refused
    plain = _plain(entry, argument)
    return _asked(plain, lambda: plain.skip(protocol)) or refused


def inference_signature(
    entry: ModelEntry,
    argument: str,
    protocol: EvalProtocol,
    settings: Settings | None = None,
    frames: int = 1,
) -> str:
    """All that moves a model's output and isn't in the protocol's signature.

    ``torch|float32|cpu|whole``, ``torch|float16|cuda|tile:128+12|pad:reflect4`` (side and overlap of tiles in
    pixels of the network's input), ``torch|float32|cpu|whole|split:30+2`` (`srbench.adapters.clips`),
    ``torch|float32|cpu|whole|window:2+2:reflect-circle``, ``torch|float32|cpu|whole|ensemble:8``,
    ``imresize:bicubic|matlab-symmetric-u8``, ``folder``.

    Args:
        entry: from `srbench.registry.models`.
        argument: what follows the colon in ``NAME:ARGUMENT``.
        protocol: gives the scale and, to interpolations without an argument, the flavour.
        settings: how a network is asked to run; of the device only its kind is signed.
        frames: of the longest clip, 1 for stills.

    Raises:
        UsageError: the model doesn't take this argument.
        PluginError: it can't be built, or fails to answer.
    """
    if entry.info.dtypes:
        return _network_signature(entry.info, protocol.scale, settings or Settings(), frames)
    plain = _plain(entry, argument)
    return _asked(plain, lambda: plain.inference(protocol))


def model_fingerprint(entry: ModelEntry, argument: str, scale: int) -> str:
    """Digest of weights and source: the model's part of a prediction's key.

    Args:
        entry: from `srbench.registry.models`.
        argument: what follows the colon in ``NAME:ARGUMENT``; counts for networks (it may choose between
            them), while other models sign it or name files by it.
        scale: super-resolution factor.

    Raises:
        PluginError: its source is not a file.
        UsageError: the argument, or one of the card's files, is a file that can't be read.
    """
    info = entry.info
    read = {"reads": [file_digests(file) for file in info.files]} if info.files else {}
    if not info.dtypes:
        return digest({"source": source_digest(entry.target), **read})
    weights = info.weights_for(scale)
    return digest(
        {
            "weights": weights.asset.sha256 if weights else "",
            "source": source_digest(entry.target),
            "argument": _argument_digest(info, argument),
            "card": [info.channels, info.pre_upsampled, info.kind],
            **read,
        }
    )


def clip_fingerprint(entry: ModelEntry, argument: str, clip: ClipSpec) -> str:
    """Digest of files that a model has for one clip; empty for all but folders.

    Empty too where a folder has none, or can't tell which: the prediction then fails and says why.

    Raises:
        UsageError: the model doesn't take this argument.
        PluginError: it can't be built, or fails to answer.
    """
    if entry.info.dtypes:
        return ""
    plain = _plain(entry, argument)
    return _asked(plain, lambda: plain.clip_fingerprint(clip))


def _argument_digest(info: ModelInfo, argument: str) -> str:
    return digest({"files": file_digests(argument)}) if info.argument == "file" else argument


def load_model(
    entry: ModelEntry, argument: str = "", *, scale: int, settings: Settings | None = None
) -> BaseAdapter:
    """Build a model and start it; imports torch if it is a network.

    Raises:
        PluginError: it does not import, or is no adapter.
        UsageError: it doesn't offer this scale, argument, dtype or tiling.
        Unavailable: weights can't be had.
        IntegrityError: weights don't match their digest.
    """
    adapter = build(entry.target, entry.info, argument)
    if not isinstance(adapter, BaseAdapter):
        raise PluginError("a subclass of srbench.Adapter", type(adapter).__name__, f"check {entry.info.name}")
    if entry.info.dtypes:
        from srbench.adapters.network import check_device  # torch is needed from here on

        check_device((settings or Settings()).device)
    adapter.start(scale, settings)
    return adapter


def _plain(entry: ModelEntry, argument: str) -> PlainAdapter:
    adapter = build(entry.target, entry.info, argument)
    if not isinstance(adapter, PlainAdapter):
        got = f"{type(adapter).__name__} ({entry.info.name})"
        raise PluginError("a PlainAdapter where a card's dtypes are empty", got, "name its dtypes")
    return adapter


def _asked(adapter: PlainAdapter, ask: Callable[[], Answer]) -> Answer:
    """What a model answers for itself; a stranger's failure becomes one line that names the model."""
    try:
        return ask()
    except SrbenchError:
        raise
    except (Exception, SystemExit) as error:
        rule = f"{adapter.info.name} to answer while planning"
        raise PluginError(rule, what_happened(error), "correct the adapter") from error


def _network_signature(info: ModelInfo, scale: int, settings: Settings, frames: int) -> str:
    side = f"tile:{tile_side(info, settings.tile, scale)}+{tile_overlap(info)}" if settings.tile else "whole"
    parts = [info.engine, settings.dtype, settings.device.partition(":")[0], side]
    if info.size_multiple > 1:
        parts.append(f"pad:reflect{info.size_multiple}")
    if settings.ensemble:
        parts.append("ensemble:8")
    return "|".join([*parts, *clip_signature(info, settings, frames)])
