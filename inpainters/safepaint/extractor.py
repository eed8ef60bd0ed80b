"""The domain pattern extractor: one vector that says in which domain a region of a photo lies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LENGTH = 16
"""Numbers in a domain vector."""


class PartialConv(nn.Conv2d):
    """A convolution that sees valid pixels alone and weighs up for those that are missing (Liu et al. 2018)."""

    def forward(self, features: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """features: B x C x h x w; valid: B x 1 x h x w, 1 = valid.  Returns the features and what is valid of them.

        A place whose window holds nothing valid becomes 0.
        """
        window = torch.ones(1, 1, *self.kernel_size, dtype=valid.dtype, device=valid.device)
        count = F.conv2d(valid, window, stride=self.stride)
        updated = count.clamp(0, 1)
        ratio = updated * window.numel() / (count + 1e-8)
        summed = F.conv2d(features * valid, self.weight, stride=self.stride) * ratio
        if self.bias is not None:
            summed = (summed + self.bias[:, None, None]) * updated
        return summed, updated


class DomainExtractor(nn.Module):
    """Five partial convolutions, an average over the picture, and a linear layer: a region to Z (equation 3).

    `channels`: of the first layer, 64 in the paper.
    """

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        c = channels
        self.conv1f = PartialConv(3, c, 3, stride=2)
        self.conv2f = PartialConv(c, 2 * c, 3, stride=2, bias=False)
        self.norm2f = nn.BatchNorm2d(2 * c)
        self.conv3f = PartialConv(2 * c, 4 * c, 3, stride=2, bias=False)
        self.norm3f = nn.BatchNorm2d(4 * c)
        self.conv4f = PartialConv(4 * c, 8 * c, 3, stride=2, bias=False)
        self.norm4f = nn.BatchNorm2d(8 * c)
        self.conv5f = PartialConv(8 * c, 8 * c, 3, stride=2, bias=False)
        self.convs = nn.Conv2d(8 * c, LENGTH, 1)

    def forward(self, images: Tensor, region: Tensor) -> Tensor:
        """images: B x 3 x H x W in [0, 1], at least 63 pixels a side; region: B x 1 x H x W, 1 = looked at.

        Returns B x 16.  What lies outside the region is never read.
        """
        features, valid = self.conv1f(images, region)
        features, valid = self.conv2f(F.relu(features), valid)
        features, valid = self.conv3f(F.relu(self.norm2f(features)), valid)
        features, valid = self.conv4f(F.relu(self.norm3f(features)), valid)
        features, _ = self.conv5f(F.relu(self.norm4f(features)), valid)
        vector: Tensor = self.convs(features.mean((2, 3), keepdim=True))
        return vector.flatten(1)
