"""The two keys: what a prediction depends on, and what a score depends on.

Both are digests of named fields, so that two runs that differ can say in which field they do.
A metric added later changes no prediction's key; another precision or tile never hits the same one.
"""

from __future__ import annotations

from srbench.types import EvalProtocol, digest


def prediction_fields(
    model: str, fingerprint: str, files: str, pixels: str, protocol: EvalProtocol, inference: str
) -> dict[str, str]:
    """Everything that can change a prediction, by name.

    Args:
        model: the model's name, with its argument.
        fingerprint: digest of its weights and of the adapter's source.
        files: digest of the item's own files, for a folder of predictions; else empty.
        pixels: digest of the item's ground-truth pixels, from which its input is made.
        protocol: gives the degradation, gray rule, crop and quantisation.
        inference: the inference's signature.
    """
    return {
        "model": model,
        "fingerprint": fingerprint,
        "files": files,
        "pixels": pixels,
        "scale": str(protocol.scale),
        "degradation": f"{protocol.degradation}:{protocol.flavour}:{protocol.degraded}",
        "gray": protocol.gray,
        "modcrop": str(protocol.modcrop),
        "clip": str(protocol.clip),
        "inference": inference,
    }


def prediction_key(fields: dict[str, str]) -> str:
    """16 hex digits."""
    return digest(fields)


def score_key(prediction: str, protocol: EvalProtocol, metric: str) -> str:
    """16 hex digits, from the prediction's key and the two signatures."""
    return digest({"prediction": prediction, "protocol": protocol.signature, "metric": metric})
