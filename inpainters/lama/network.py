"""The generator of LaMa (Suvorov et al., WACV 2022), as published: big-lama and the smaller lama-fourier."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._fourier import Branches, FourierBlock

LOCAL, GLOBAL = 128, 384
"""Channels of the two branches at the bottleneck: a quarter local, three quarters global."""


class Generator(nn.Module):
    """Three downsampling steps, residual blocks of Fourier convolutions (big-lama has 18), three upsampling steps.

    The list's positions are the published checkpoint's keys (`generator.model.5.conv1...`), so that layers without
    weights stand in it too.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        middle = (FourierBlock(LOCAL, GLOBAL, normalise=True, local_unit=False) for _ in range(blocks))
        self.model = nn.ModuleList(
            [
                nn.Identity(),
                Convolution(4, 64, kernel=7, stride=1),
                Convolution(64, 128),
                Convolution(128, 256),
                Split(256, LOCAL, GLOBAL),
                *middle,
                Join(),
                *_upsampling(512, 256),
                *_upsampling(256, 128),
                *_upsampling(128, 64),
                nn.ReflectionPad2d(3),
                nn.Conv2d(64, 3, 7),
                nn.Sigmoid(),
            ]
        )

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """The whole picture, B x 3 x H x W in [0, 1], of images in [0, 1] and masks B x 1 x H x W, 1 = hole.

        H and W are multiples of 8, 16 at least; the hole's pixels are blanked here.
        """
        x = torch.cat([images * (1 - masks), masks], dim=1)
        for layer in self.model:
            x = layer(x)
        return x


class Convolution(nn.Module):
    """A convolution padded by reflection, without bias; batch norm; ReLU."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int = 3, stride: int = 2) -> None:
        super().__init__()
        self.ffc = nn.ModuleDict({"convl2l": _reflected(channels_in, channels_out, kernel, stride)})
        self.bn_l = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C' x H/stride x W/stride."""
        return F.relu(self.bn_l(self.ffc["convl2l"](x)))


class Split(nn.Module):
    """The last downsampling step: two convolutions of stride 2, whose results are the two branches."""

    def __init__(self, channels_in: int, local: int, global_: int) -> None:
        super().__init__()
        convs = {"convl2l": _reflected(channels_in, local, 3, 2), "convl2g": _reflected(channels_in, global_, 3, 2)}
        self.ffc = nn.ModuleDict(convs)
        self.bn_l = nn.BatchNorm2d(local)
        self.bn_g = nn.BatchNorm2d(global_)

    def forward(self, x: Tensor) -> Branches:
        """B x C x H x W to a local and a global map of half the size."""
        return F.relu(self.bn_l(self.ffc["convl2l"](x))), F.relu(self.bn_g(self.ffc["convl2g"](x)))


class Join(nn.Module):
    """Lays the branches behind one another, the local one first."""

    def forward(self, branches: Branches) -> Tensor:
        """Two maps to one."""
        return torch.cat(branches, dim=1)


def _reflected(channels_in: int, channels_out: int, kernel: int, stride: int) -> nn.Conv2d:
    padding = kernel // 2
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=False, padding_mode="reflect")


def _upsampling(channels_in: int, channels_out: int) -> tuple[nn.Module, ...]:
    conv = nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1)
    return conv, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)
