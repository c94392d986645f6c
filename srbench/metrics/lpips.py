"""LPIPS: learned perceptual image patch similarity (Zhang et al. 2018), version 0.1.

The definition and the linear layers are the ``lpips`` package's own; the backbone's tensors come by
`srbench.metrics.backbones`, never by a download of the package's. The whole RGB image is compared,
without the protocol's border, scaled to [-1, 1]. A distance: 0 for equal images, lower is better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from srbench.errors import UsageError
from srbench.fetch import fetch
from srbench.fetch.arrays import load_arrays
from srbench.metrics.backbones import ALEXNET, VGG16, Backbone, load_backbone
from srbench.metrics.base import Image, Metric, check_large_enough, check_same_shape, library_version, loaded
from srbench.types import Asset, MetricInfo, PackageResource

if TYPE_CHECKING:
    from srbench.metrics.lpips_network import Features, Network

BACKBONES: dict[str, Backbone] = {"alex": ALEXNET, "vgg": VGG16}

# The package's own layers, v0.1, as shipped since 0.1.4.
LINEAR: dict[str, Asset] = {
    net: Asset(f"lpips-v0.1-{net}.pth", (PackageResource("lpips", f"weights/v0.1/{net}.pth"),), sha256)
    for net, sha256 in (
        ("alex", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
        ("vgg", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
    )
}

# Below this a pooling layer of the backbone has nothing left to pool.
_LEAST_SIDE = {"alex": 31, "vgg": 16}


class LPIPS(Metric):
    """LPIPS with the backbone that its argument names: ``alex`` (when empty) or ``vgg``."""

    def __init__(self, info: MetricInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        self.net = argument or "alex"
        if self.net not in BACKBONES:
            raise UsageError("alex or vgg", repr(argument), "leave it out for alex")
        self._network: Network | None = None

    @property
    def signature(self) -> str:
        """``lpips|net:alex|v0.1|lpips:0.1.4|backbone:1234abcd|rgb|whole|range:-1:1|float32|srbench:1``."""
        backbone = f"backbone:{BACKBONES[self.net].digest[:8]}"
        version = library_version("lpips")
        return f"lpips|net:{self.net}|v0.1|lpips:{version}|{backbone}|rgb|whole|range:-1:1|float32|srbench:1"

    def load(self, device: str = "cpu") -> None:
        """Fetch and check the weights, import PyTorch and the package, build the network on `device`.

        Raises:
            Unavailable: the backbone's weights can't be had here.
            IntegrityError: weights are not the published ones.
        """
        tensors = load_backbone(BACKBONES[self.net])
        linear = load_arrays(fetch(LINEAR[self.net]), "torch")
        from srbench.metrics.lpips_network import Network

        self._network = Network(self.net, {**tensors, **linear}, device)

    def prepare(self, hr: Image) -> tuple[tuple[int, ...], Features]:
        """The ground truth's normalised features at the five layers.

        They take 41 bytes a pixel with AlexNet and 488 with VGG: ask for one ground truth at a time.

        Raises:
            Unavailable: the image is too small for the backbone.
        """
        check_large_enough(hr, _LEAST_SIDE[self.net], f"LPIPS ({self.net})")
        return hr.shape, loaded(self._network).features(hr)

    def score(self, sr: Image, prepared: Any) -> float:
        """The distance, at least 0."""
        shape, features = prepared
        check_same_shape(sr, shape)
        return loaded(self._network).distance(sr, features)
