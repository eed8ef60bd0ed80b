"""The autoencoder between pictures and latents of a quarter of their sides, whose decoder takes them from a table."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = 3
LEVELS = (1, 2, 4)
"""Widths of the three resolutions, in widths of the first."""
BLOCKS = 2
"""Residual blocks at each resolution of the encoder; the decoder has one more."""
GROUPS = 32
AT_ONCE = 4096
"""Places of a latent that are held against the table together."""


class Autoencoder(nn.Module):
    """The network for a first width of `width` channels and a table of `codes`; the keys are the checkpoint's."""

    def __init__(self, width: int, codes: int) -> None:
        super().__init__()
        self.encoder = Encoder(width)
        self.quant_conv = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.quantize = Table(codes)
        self.post_quant_conv = nn.Conv2d(CHANNELS, CHANNELS, 1)
        self.decoder = Decoder(width)

    def encode(self, pictures: Tensor) -> Tensor:
        """B x 3 x H x W in [-1, 1], sides multiples of 4, to latents, B x 3 x H/4 x W/4."""
        latents: Tensor = self.quant_conv(self.encoder(pictures))
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """The way back; nominally in [-1, 1] but not clipped."""
        pictures: Tensor = self.decoder(self.post_quant_conv(self.quantize(latents)))
        return pictures


class Table(nn.Module):
    """The latents that there are."""

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x h x w to the nearest of the table, place by place."""
        codes = self.embedding.weight
        squares = codes.square().sum(1)
        places = x.permute(0, 2, 3, 1).reshape(-1, CHANNELS)
        nearest = [(squares - 2 * part @ codes.T).argmin(1) for part in torch.split(places, AT_ONCE)]
        chosen: Tensor = self.embedding(torch.cat(nearest))
        return chosen.view(len(x), *x.shape[-2:], CHANNELS).permute(0, 3, 1, 2)


class Encoder(nn.Module):
    """Halves the size twice."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(CHANNELS, width, 3, padding=1)
        self.down = nn.Sequential()
        channels = width
        for number, widths in enumerate(LEVELS):
            last = number == len(LEVELS) - 1
            way = {} if last else {"downsample": Halving(widths * width)}
            self.down.append(Level(channels, widths * width, BLOCKS, **way))
            channels = widths * width
        self.mid = Middle(channels)
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, CHANNELS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x H x W to B x 3 x H/4 x W/4."""
        x = self.mid(self.down(self.conv_in(x)))
        latents: Tensor = self.conv_out(F.silu(self.norm_out(x)))
        return latents


class Decoder(nn.Module):
    """Doubles the size twice."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = LEVELS[-1] * width
        self.conv_in = nn.Conv2d(CHANNELS, channels, 3, padding=1)
        self.mid = Middle(channels)
        self.up = nn.ModuleList()  # the last to be passed comes first
        for number, widths in reversed([*enumerate(LEVELS)]):
            way = {"upsample": Doubling(widths * width)} if number else {}
            self.up.insert(0, Level(channels, widths * width, BLOCKS + 1, **way))
            channels = widths * width
        self.norm_out = _norm(channels)
        self.conv_out = nn.Conv2d(channels, CHANNELS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x h x w to B x 3 x 4h x 4w."""
        x = self.mid(self.conv_in(x))
        for level in reversed(self.up):
            x = level(x)
        pictures: Tensor = self.conv_out(F.silu(self.norm_out(x)))
        return pictures


class Level(nn.ModuleDict):
    """Residual blocks at one resolution, and the way to the next, where there is one."""

    def __init__(self, channels_in: int, channels_out: int, blocks: int, **way: nn.Module) -> None:
        more = (Residual(channels_out, channels_out) for _ in range(blocks - 1))
        super().__init__({"block": nn.Sequential(Residual(channels_in, channels_out), *more), **way})

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C' x H' x W'."""
        for part in self.values():
            x = part(x)
        return x


class Middle(nn.Module):
    """Two residual blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block_1 = Residual(channels, channels)
        self.block_2 = Residual(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to the same."""
        middle: Tensor = self.block_2(self.block_1(x))
        return middle


class Residual(nn.Module):
    """Two convolutions beside a short way."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.norm1 = _norm(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm2 = _norm(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else None

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C' x H x W."""
        y = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        added: Tensor = (x if self.nin_shortcut is None else self.nin_shortcut(x)) + y
        return added


class Halving(nn.Module):
    """A convolution that takes every other place, with zeros at the bottom and right alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C x H/2 x W/2."""
        halved: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return halved


class Doubling(nn.Module):
    """Each place four times, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C x 2H x 2W."""
        doubled: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return doubled


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, channels, eps=1e-6)
