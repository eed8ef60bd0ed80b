"""The generator of AOT-GAN (Zeng et al., TVCG 2023), as its authors published it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._rwsa import Attention, placed
from .._winograd import Conv3x3

DILATIONS = (1, 2, 4, 8)
BLOCKS = 8


class Generator(nn.Module):
    """Encoder, eight blocks of aggregated contextual transformations at a quarter of the size, decoder.

    Attributes and positions carry the names of the published checkpoint's keys.  `width`: channels of the first layer.
    `attention`: RWSA behind both down-sampling layers, or before the decoder's three.
    """

    def __init__(self, width: int = 64, attention: Attention = "none") -> None:
        super().__init__()
        c = width
        stem = nn.ReflectionPad2d(3), nn.Conv2d(4, c, kernel_size=7), nn.ReLU(inplace=True)
        self.encoder = nn.Sequential(*stem, *_halving(c, 2 * c), *_halving(2 * c, 4 * c))
        self.middle = nn.Sequential(*(Block(4 * c) for _ in range(BLOCKS)))
        growing = Doubling(4 * c, 2 * c), nn.ReLU(inplace=True), Doubling(2 * c, c), nn.ReLU(inplace=True)
        self.decoder = nn.Sequential(*growing, nn.Conv2d(c, 3, kernel_size=3, padding=1), nn.Tanh())
        self.down, self.up = placed(attention, {5: 2 * c, 7: 4 * c}, {0: 4 * c, 2: 2 * c, 4: c})

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """The whole picture, B x 3 x H x W in [-1, 1], of images in [-1, 1] and masks B x 1 x H x W, 1 = hole.

        H and W are multiples of 4, 36 at least; the hole's pixels are set to 1 (white) here.
        """
        x = torch.cat([images * (1 - masks) + masks, masks], dim=1)
        features = self.middle(self.down.through(self.encoder, x, masks))
        return self.up.through(self.decoder, features, masks)


class Block(nn.Module):
    """Dilated convolutions side by side, fused, and let in by a gate: x (1 - g) + fused g.

    The paper's gate is a convolution and a sigmoid; the published network standardises the convolution's map
    before the sigmoid, over each picture's pixels, and stretches it tenfold.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        for k, dilation in enumerate(DILATIONS):
            convolution = _reflected(channels, channels // len(DILATIONS), dilation)
            self.add_module(f"block{k:02}", nn.Sequential(*convolution, nn.ReLU(inplace=True)))
        self.fuse = nn.Sequential(*_reflected(channels, channels))
        self.gate = nn.Sequential(*_reflected(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to the same; each side of the map is 9 at least, for the widest reflection."""
        branches = [self.get_submodule(f"block{k:02}")(x) for k in range(len(DILATIONS))]
        fused = self.fuse(torch.cat(branches, dim=1))
        gate = _stretch(self.gate(x)).sigmoid_()
        return fused.mul_(gate).add_(x * (1 - gate))


class Doubling(nn.Module):
    """Twice the size, bilinear with the corner pixels kept in the corners, then a 3x3 convolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C' x 2H x 2W."""
        larger = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return self.conv(larger)


def _halving(channels_in: int, channels_out: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1), nn.ReLU(inplace=True)


def _reflected(channels_in: int, channels_out: int, dilation: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.ReflectionPad2d(dilation), Conv3x3(channels_in, channels_out, dilation=dilation)


def _stretch(x: Tensor) -> Tensor:
    """Mean -5 and deviation 10 (unbiased) per picture and channel: 5 (2 (x - mean) / deviation - 1).

    Eight such gates in a row magnify rounding a thousandfold, so that the order of the operations is the published one.
    """
    mean, deviation = x.mean(dim=(2, 3), keepdim=True), x.std(dim=(2, 3), keepdim=True)
    return (x - mean).mul_(2).div_(deviation + 1e-9).sub_(1).mul_(5)
