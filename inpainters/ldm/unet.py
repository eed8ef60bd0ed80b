"""The U-Net that takes the noise out of latents: residual blocks, attention from half the latents' resolution on."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = 3
"""Of a latent."""
CONDITION = 4
"""Channels beside the latent: that of the picture with its hole, and the mask."""
LEVELS = (1, 2, 3, 4)
"""Widths of the four resolutions, in widths of the first."""
BLOCKS = 2
"""Residual blocks at each resolution on the way down; one more on the way up."""
HEADS = 8
GROUPS = 32


class UNet(nn.Module):
    """The network for a first width of `width` channels; the keys are the published checkpoint's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        told = 4 * width
        self.time_embed = nn.Sequential(nn.Linear(width, told), nn.SiLU(), nn.Linear(told, told))
        self.input_blocks = nn.ModuleList([Steps(nn.Conv2d(CHANNELS + CONDITION, width, 3, padding=1))])
        kept = [width]
        channels = width
        for level, widths in enumerate(LEVELS):
            for _ in range(BLOCKS):
                self.input_blocks.append(Steps(Residual(channels, widths * width, told), *_attention(level, width)))
                channels = widths * width
                kept.append(channels)
            if level < len(LEVELS) - 1:
                self.input_blocks.append(Steps(Residual(channels, channels, told, nn.AvgPool2d(2))))
                kept.append(channels)
        self.middle_block = Steps(
            Residual(channels, channels, told), Attention(channels), Residual(channels, channels, told)
        )
        self.output_blocks = nn.ModuleList()
        for level, widths in reversed([*enumerate(LEVELS)]):
            for block in range(BLOCKS + 1):
                layers = [Residual(channels + kept.pop(), widths * width, told), *_attention(level, width)]
                channels = widths * width
                if level and block == BLOCKS:
                    layers.append(Residual(channels, channels, told, nn.UpsamplingNearest2d(scale_factor=2)))
                self.output_blocks.append(Steps(*layers))
        self.out = nn.Sequential(nn.GroupNorm(GROUPS, channels), nn.SiLU(), nn.Conv2d(channels, CHANNELS, 3, padding=1))

    def forward(self, x: Tensor, step: int) -> Tensor:
        """The noise in latents.

        x: B x 7 x h x w, latents and condition, sides multiples of 8; step: of the diffusion, 0 to 999.
        Returns B x 3 x h x w.
        """
        told = self.time_embed(_waves(step, self.width).to(x)).expand(len(x), -1)
        kept = []
        for block in self.input_blocks:
            x = block(x, told)
            kept.append(x)
        x = self.middle_block(x, told)
        for block in self.output_blocks:
            x = block(torch.cat([x, kept.pop()], dim=1), told)
        noise: Tensor = self.out(x)
        return noise


class Steps(nn.ModuleList):
    """Layers one after the other; the residual ones are told the step."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(layers)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """B x C x h x w to B x C' x h' x w'; told: B x 4 widths."""
        for layer in self:
            x = layer(x, told) if isinstance(layer, Residual) else layer(x)
        return x


class Residual(nn.Module):
    """Two convolutions beside a short way; the step's embedding is added between them."""

    def __init__(self, channels_in: int, channels_out: int, told: int, resample: nn.Module | None = None) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, channels_in), nn.SiLU(), nn.Conv2d(channels_in, channels_out, 3, padding=1)
        )
        self.resample = resample or nn.Identity()
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(told, channels_out))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(GROUPS, channels_out),
            nn.SiLU(),
            nn.Identity(),  # the place of a dropout in training
            nn.Conv2d(channels_out, channels_out, 3, padding=1),
        )
        same = channels_in == channels_out
        self.skip_connection = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """B x C x h x w to B x C' x h' x w'."""
        norm, activation, convolution = self.in_layers
        y = convolution(self.resample(activation(norm(x))))
        y = self.out_layers(y + self.emb_layers(told)[..., None, None])
        added: Tensor = self.skip_connection(self.resample(x)) + y
        return added


class Attention(nn.Module):
    """Every place looks at all others, with eight heads at any width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        flat = x.flatten(2)
        parts = self.qkv(self.norm(flat)).unflatten(1, (HEADS, 3, -1)).transpose(-1, -2).contiguous()
        seen = F.scaled_dot_product_attention(*parts.unbind(2)).transpose(-1, -2).flatten(1, 2)
        return (flat + self.proj_out(seen)).view_as(x)


def _attention(level: int, width: int) -> list[nn.Module]:
    """What follows a residual block: attention, but not at the latents' own resolution."""
    return [Attention(LEVELS[level] * width)] if level else []


def _waves(step: int, width: int) -> Tensor:
    """The step as 1 x width cosines and sines of wave lengths from 2 pi to 20000 pi."""
    half = width // 2
    angles = step * torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    return torch.cat([angles.cos(), angles.sin()])[None]
