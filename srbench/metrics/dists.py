"""DISTS: deep image structure and texture similarity (Ding et al. 2020), at the image's own size.

piq's definition on VGG16, with the authors' channel weights from the package ``dists-pytorch`` 0.1 on the
package index. piq would shrink larger images to 256 pixels first and download both networks unverified;
the authors' code does not shrink by default, and neither is done here. A distance: 0 for equal images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from srbench.fetch import fetch
from srbench.fetch.arrays import load_arrays
from srbench.metrics.backbones import VGG16, load_backbone
from srbench.metrics.base import Image, Metric, check_large_enough, check_same_shape, library_version, loaded
from srbench.types import Asset, MetricInfo, PackageFile

if TYPE_CHECKING:
    from srbench.metrics.dists_network import Features, Network

# Two vectors of 1475 channel weights, alpha (structure) and beta (texture).
WEIGHTS = Asset(
    "dists-weights.pt",
    (
        PackageFile(
            "dists-pytorch",
            "0.1",
            "DISTS_pytorch-0.1-py3-none-any.whl",
            "DISTS_pytorch/weights.pt",
            "73e54ce13e7cf3ca962ee8e433d129884ec3dc75e00a27af90525e1da760ac61",
        ),
    ),
    "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
    12_288,
)
_LEAST_SIDE = 16  # below this VGG16's fourth pooling leaves nothing to take a variance of


class DISTS(Metric):
    """DISTS of RGB images."""

    def __init__(self, info: MetricInfo, argument: str = "") -> None:
        super().__init__(info, argument)
        self._network: Network | None = None

    @property
    def signature(self) -> str:
        """``dists|piq:0.8.0|vgg16:1234abcd|weights:1234abcd|rgb|whole|full-size|float32|srbench:1``."""
        weights = f"vgg16:{VGG16.digest[:8]}|weights:{WEIGHTS.sha256[:8]}"
        return f"dists|piq:{library_version('piq')}|{weights}|rgb|whole|full-size|float32|srbench:1"

    def load(self, device: str = "cpu") -> None:
        """Fetch and check the weights, import PyTorch and piq, build the network on `device`.

        Raises:
            Unavailable: VGG16 or the channel weights can't be had here.
            IntegrityError: weights are not the published ones.
        """
        weights = load_arrays(fetch(WEIGHTS), "torch")
        backbone = load_backbone(VGG16)
        from srbench.metrics.dists_network import Network

        self._network = Network(backbone, weights, device)

    def prepare(self, hr: Image) -> tuple[tuple[int, ...], Features]:
        """The ground truth's features at six layers, the image itself first.

        Raises:
            Unavailable: the image is too small.
        """
        check_large_enough(hr, _LEAST_SIDE, "DISTS")
        return hr.shape, loaded(self._network).features(hr)

    def score(self, sr: Image, prepared: Any) -> float:
        """The distance; 0 for equal images, up to rounding."""
        shape, features = prepared
        check_same_shape(sr, shape)
        return loaded(self._network).distance(sr, features)
