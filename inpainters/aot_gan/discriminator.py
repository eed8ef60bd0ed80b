"""Soft-mask PatchGAN: a discriminator that draws where a picture was painted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

SIDE, DEVIATION = 71, 10.0
"""Of the Gaussian that softens the mask, in pixels."""


class Discriminator(nn.Sequential):
    """Five 4 x 4 convolutions, the first four under spectral norm: B x 3 x H x W in [-1, 1] to B x 1 x h x w."""

    def __init__(self, width: int = 64) -> None:
        widths = [3, width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = []
        for k, stride in enumerate((2, 2, 2, 1)):
            plain = nn.Conv2d(widths[k], widths[k + 1], 4, stride=stride, padding=1, bias=False)
            layers += [spectral_norm(plain), nn.LeakyReLU(0.2, inplace=True)]
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))


def fooling(painted: Tensor) -> Tensor:
    """Mean square distance of D(painted) from 1, as the authors' code has it; their mask cancels out in the mean."""
    return (painted - 1).square().mean()


def telling(painted: Tensor, photos: Tensor, masks: Tensor) -> Tensor:
    """Mean square distance of D(painted) from the softened masks, and of D(photos) from 0."""
    return F.mse_loss(painted, softened(masks)) + photos.square().mean()


def enlarged(answers: Tensor, masks: Tensor) -> Tensor:
    """D's answers at the masks' size, B x 1 x H x W, bilinear, corners in the corners."""
    return F.interpolate(answers, size=masks.shape[-2:], mode="bilinear", align_corners=True)


def softened(masks: Tensor) -> Tensor:
    """A Gaussian over masks B x 1 x H x W, 0 beyond the border."""
    offsets = torch.arange(SIDE, dtype=masks.dtype, device=masks.device) - SIDE // 2
    line = torch.exp(-offsets.square() / (2 * DEVIATION**2))
    line = (line / line.sum())[None, None, None]
    rows = F.conv2d(masks, line, padding=(0, SIDE // 2))
    return F.conv2d(rows, line.transpose(2, 3), padding=(SIDE // 2, 0))
