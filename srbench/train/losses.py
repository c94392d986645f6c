"""Losses on images in [0, 1], each a mean over all values.

=============== =============================================== ==================================
kind            formula                                         source
=============== =============================================== ==================================
``l1``          mean |SR - HR|                                  EDSR, CVPRW 2017, section 3.3
``l2``          mean (SR - HR)²                                 SRCNN, ECCV 2014, equation 4
``charbonnier`` mean sqrt((SR - HR)² + epsilon²)                LapSRN, CVPR 2017, equation 2
``perceptual``  mean (f(SR) - f(HR))², f a layer of VGG16       SRGAN, CVPR 2017, equation 5 (VGG19)
``adversarial`` mean -log D(SR), D a learned discriminator      SRGAN, equation 6
=============== =============================================== ==================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srbench.archs.srresnet import Discriminator
from srbench.train.recipes import Loss

Criterion = Callable[[Tensor, Tensor], Tensor]
"""From SR and HR, ``(N, C, H, W)`` each, to a scalar."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def criterion(loss: Loss, device: str) -> Criterion:
    """A term's formula, without its weight; ``adversarial`` is `Adversary`'s.

    Raises:
        Unavailable: VGG16's weights can't be had.
        ValueError: ``adversarial``.
    """
    match loss.kind:
        case "l1":
            return F.l1_loss
        case "l2":
            return F.mse_loss
        case "charbonnier":
            return lambda sr, hr: charbonnier(sr, hr, loss.epsilon)
        case "perceptual":
            return Perceptual(loss.layer).to(device)
        case "adversarial":
            raise ValueError("an adversary is trained, not computed")


def charbonnier(sr: Tensor, hr: Tensor, epsilon: float) -> Tensor:
    """``mean sqrt((sr - hr)² + epsilon²)``."""
    return ((sr - hr).square() + epsilon * epsilon).sqrt().mean()


class Perceptual(nn.Module):
    """The squared difference of VGG16's activations at one layer; its weights come as those of DISTS do."""

    mean: Tensor
    std: Tensor

    def __init__(self, layer: str) -> None:
        super().__init__()
        from piq.perceptual import VGG16_LAYERS

        from srbench.metrics.backbones import VGG16, load_backbone
        from srbench.metrics.dists_network import vgg16_features

        features = vgg16_features(load_backbone(VGG16))
        depth = int(VGG16_LAYERS[layer]) + 1
        self.features = nn.Sequential(*list(features.children())[:depth]).eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """RGB ``(N, 3, H, W)`` in [0, 1] each."""
        with torch.no_grad():
            wanted = self._activations(hr)
        return F.mse_loss(self._activations(sr), wanted)

    def _activations(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.features((image - self.mean) / self.std))


class Adversary:
    """A discriminator that is trained beside the network, and what the network pays for being found out."""

    def __init__(self, loss: Loss, device: str) -> None:
        self.net = Discriminator(None).to(device).train()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=loss.rate)

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The network's loss; ``hr`` plays no part."""
        self.net.requires_grad_(False)
        return F.softplus(-self.net(sr)).mean()

    def learn(self, sr: Tensor, hr: Tensor) -> None:
        """One step of telling SR from HR: binary cross-entropy."""
        self.net.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.softplus(-self.net(hr)).mean() + F.softplus(self.net(sr.detach())).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
