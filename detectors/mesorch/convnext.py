"""ConvNeXt-T (Liu et al., CVPR 2022), in parts named as in timm's state dicts; it is given six channels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu

from .._channel_norm import ChannelNorm

WIDTHS = (96, 192, 384, 768)
DEPTHS = (3, 3, 9, 3)
PATCH = 4
EPS = 1e-6


class Block(nn.Module):
    """A wide filter for each channel, then two linear layers, beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.gamma = nn.Parameter(Tensor(width))

    def forward(self, x: Tensor) -> Tensor:
        """B x width x h x w to the same."""
        inner = self.norm(self.conv_dw(x).permute(0, 2, 3, 1))
        inner = self.mlp["fc2"](gelu(self.mlp["fc1"](inner))) * self.gamma
        return x + inner.permute(0, 3, 1, 2)


class Stage(nn.Module):
    """Half the size but at the first, and blocks."""

    def __init__(self, number: int) -> None:
        super().__init__()
        width = WIDTHS[number]
        self.downsample = nn.Identity() if number == 0 else halved(WIDTHS[number - 1], width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(DEPTHS[number])))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to B x width x h' x w'."""
        deeper: Tensor = self.blocks(self.downsample(x))
        return deeper


def halved(channels: int, width: int) -> nn.Sequential:
    """A norm and patches of 2 x 2."""
    return nn.Sequential(ChannelNorm(channels, eps=EPS), nn.Conv2d(channels, width, 2, stride=2))


class ConvNeXt(nn.Module):
    """The first `stages`; what the published file holds of a classifier is not used."""

    def __init__(self, channels: int, stages: int) -> None:
        super().__init__()
        patches = nn.Conv2d(channels, WIDTHS[0], PATCH, stride=PATCH, bias=False)
        self.stem = nn.Sequential(patches, ChannelNorm(WIDTHS[0], eps=EPS))
        self.stages = nn.Sequential(*(Stage(number) for number in range(stages)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """B x channels x H x W to the maps of all stages, at 1/4, 1/8, 1/16 and 1/32 of the size."""
        x, maps = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps
