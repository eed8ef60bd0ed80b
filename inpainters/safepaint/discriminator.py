"""The discriminator: PatchGAN with spectral norm (Isola et al. 2017, Miyato et al. 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

RESIDUAL_GAIN = 10.0
"""Brings residuals, a few levels of 255, near to the range of the picture."""


class Discriminator(nn.Module):
    """Says of each 70 x 70 patch whether it is a photo's.

    `channels`: of the first layer, 64 in the paper.  `residuals`: whether it is also shown the picture's high-pass
    residual, as forensic detectors look at it; preset `safebench` does.
    """

    def __init__(self, channels: int = 64, *, residuals: bool = False) -> None:
        super().__init__()
        self.residuals = residuals
        widths = [6 if residuals else 3, channels, 2 * channels, 4 * channels, 8 * channels, 1]
        strides = (2, 2, 2, 1, 1)
        convolutions = [
            nn.Conv2d(widths[k], widths[k + 1], 4, stride=strides[k], padding=1, bias=False) for k in range(5)
        ]
        for layer in convolutions:
            nn.init.normal_(layer.weight, 0.0, 0.02)
        self.layers = nn.ModuleList(spectral_norm(layer) for layer in convolutions)

    def forward(self, images: Tensor) -> Tensor:
        """images: B x 3 x H x W in [0, 1], at least 32 pixels a side.

        Returns logits B x 1 x h x w, high for a photo; h is about H / 8.
        """
        features = torch.cat([images, RESIDUAL_GAIN * high_pass(images)], dim=1) if self.residuals else images
        for layer in self.layers[:-1]:
            features = F.leaky_relu(layer(features), 0.2, inplace=True)
        logits: Tensor = self.layers[-1](features)
        return logits


def high_pass(images: Tensor) -> Tensor:
    """What a 3 x 3 mean takes away: B x C x H x W to the same; the border is repeated."""
    return images - F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
