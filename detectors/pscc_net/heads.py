"""PSCC-Net's two heads: masks from coarse to fine, and the image-level decision (Liu et al., 2022).

Both look at the backbone's four features brought to 256, 128, 64 and 32 pixels square, whatever the picture's shape.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .._residual_blocks import Bottleneck
from .network import WIDTHS, resize

SIZES = (256, 128, 64, 32)
REDUCTIONS = (4, 2, 2, 1)
"""By how much the attention of each level folds space into channels."""


def squared(features: list[Tensor]) -> list[Tensor]:
    """The backbone's features at the heads' four sizes."""
    return [resize(x, (size, size)) for x, size in zip(features, SIZES, strict=True)]


class Correlation(nn.Module):
    """Spatio-channel correlation: a feature refined by attention over positions and over channels, then its mask."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.reduction = reduction
        folded = channels * reduction**2
        self.g = nn.Conv2d(folded, folded, 1)
        self.theta = nn.Conv2d(folded, folded, 1)
        self.phi = nn.Conv2d(folded, folded, 1)
        self.W_s = nn.Conv2d(channels, channels, 1)
        self.W_c = nn.Conv2d(channels, channels, 1)
        self.gamma_s = nn.Parameter(torch.ones(1))
        self.gamma_c = nn.Parameter(torch.ones(1))
        self.getmask = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(16, 1, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the logits of its mask, B x 1 x h x w.

        Two reshapes read memory in another order than its axes mean: the folding of space into channels, and the
        channel attention's result (positions first) as a map.  The published weights are trained with both.
        """
        batch, _, height, width = x.shape
        folded = x.reshape(batch, -1, height // self.reduction, width // self.reduction)
        g, theta, phi = (conv(folded).flatten(2) for conv in (self.g, self.theta, self.phi))
        over_positions = (theta.transpose(1, 2) @ phi).softmax(dim=-1) @ g.transpose(1, 2)
        over_channels = g.transpose(1, 2) @ (theta @ phi.transpose(1, 2)).softmax(dim=-1)
        x = x + self.gamma_s * self.W_s(over_positions.transpose(1, 2).reshape(x.shape))
        x = x + self.gamma_c * self.W_c(over_channels.reshape(x.shape))
        logits: Tensor = self.getmask(x)
        return logits


class Localisation(nn.ModuleDict):
    """Four masks, each computed with the coarser one laid over its feature."""

    def __init__(self) -> None:
        levels = zip(WIDTHS, REDUCTIONS, strict=True)
        super().__init__({f"getmask{n}": Correlation(*level) for n, level in enumerate(levels, start=1)})

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """The squared features to their masks in [0, 1], finest (B x 1 x 256 x 256) first."""
        masks: list[Tensor] = []
        for number in range(len(features), 0, -1):
            x = features[number - 1]
            if masks:
                x = x * resize(masks[0], x.shape[2:])
            masks.insert(0, torch.sigmoid(self[f"getmask{number}"](x)))
        return masks


class Detection(nn.Module):
    """The image-level decision."""

    def __init__(self) -> None:
        super().__init__()
        doubled = [2 * width for width in WIDTHS]
        self.incre_modules = nn.ModuleList(nn.Sequential(Bottleneck(width, width, 2)) for width in WIDTHS)
        self.downsamp_modules = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
            for a, b in pairwise(doubled)
        )
        self.final_layer = nn.Sequential(nn.Conv2d(doubled[-1], 128, 1), nn.BatchNorm2d(128), nn.ReLU(inplace=True))
        self.classifier = nn.Sequential(nn.Linear(128, 16), nn.ReLU(inplace=True), nn.Linear(16, 2))

    def forward(self, features: list[Tensor]) -> Tensor:
        """The squared features to two logits, B x 2: authentic, forged."""
        x, *coarser = (widen(f) for widen, f in zip(self.incre_modules, features, strict=True))
        for down, finer in zip(self.downsamp_modules, coarser, strict=True):
            x = finer + down(x)
        logits: Tensor = self.classifier(self.final_layer(x).mean(dim=(2, 3)))
        return logits
