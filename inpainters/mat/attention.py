"""The transformer of MAT (Li et al., CVPR 2022): attention in windows, to pixels that are known or reached already."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._stylegan import Convolution, Dense

HEADS = 6
FAR = -100.0
"""What is added to the logit of a pair of pixels that do not see one another."""


class PartialConvolution(nn.Module):
    """A convolution whose answer is divided by the share of its window that is valid, and what is valid after it."""

    def __init__(self, channels_in: int, channels_out: int, *, down: bool = False, up: bool = False) -> None:
        super().__init__()
        self.conv = Convolution(channels_in, channels_out, 3, down=down, up=up, clamp=None)
        self.stride = 2 if down else 1

    def forward(self, x: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """B x C x H x W and B x 1 x H x W of 0 and 1; without the latter it is a convolution like others."""
        y = self.conv(x)
        if valid is None:
            return y, None
        count = F.conv2d(valid, valid.new_ones(1, 1, 3, 3), stride=self.stride, padding=1)
        reached = count.clamp(0, 1)
        return y * (9 / (count + 1e-8) * reached), reached


class Layer(nn.Module):
    """Blocks of attention at one size, every other one shifted by half a window, and a convolution beside them.

    Before them the size may be halved or doubled.
    """

    def __init__(self, channels: int, size: int, depth: int, window: int, *, down: bool = False, up: bool = False):
        super().__init__()
        self.downsample = nn.ModuleDict()
        if down or up:
            self.downsample["conv"] = PartialConvolution(channels, channels, down=down, up=up)
        window = min(window, size)
        shift = window // 2 if window < size else 0
        self.blocks = nn.ModuleList(Block(channels, size, window, shift if k % 2 else 0) for k in range(depth))
        self.conv = PartialConvolution(channels, channels)

    def forward(self, x: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """B x C x H x W to the same, or to half or twice H and W; with what is valid of it, if that counts."""
        for change in self.downsample.values():
            x, valid = change(x, valid)
        y = x
        for block in self.blocks:
            y, valid = block(y, valid)
        y, valid = self.conv(y, valid)
        return y + x, valid


class Block(nn.Module):
    """Attention, joined with what it was given, and two fully connected layers for each pixel; no normalisation."""

    attn_mask: Tensor
    apart: Tensor

    def __init__(self, channels: int, size: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.attn = Attention(channels)
        self.fuse = Dense(2 * channels, channels)
        self.mlp = nn.ModuleDict(
            {"fc1": Dense(channels, 2 * channels), "fc2": Dense(2 * channels, channels, linear=True)}
        )
        if shift:
            apart = _apart(size, window, shift)
            self.register_buffer("attn_mask", torch.empty_like(apart))  # the checkpoint's; the authors draw it anew
            self.register_buffer("apart", apart, persistent=False)

    def forward(self, x: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """B x C x H x W and what is valid of it, B x 1 x H x W, to the same."""
        height, width = x.shape[-2:]
        seen = _windows(self._rolled(x, -1), self.window)
        sees = None if valid is None else _windows(self._rolled(valid, -1), self.window)[..., 0]
        y = self.attn(seen, sees, self.apart if self.shift else None)
        y = self._rolled(_together(y, self.window, height, width), 1)
        if sees is not None:  # where a window holds one valid pixel, all of it is valid after it
            reached = sees.amax(1, keepdim=True).expand_as(sees)[..., None]
            valid = self._rolled(_together(reached, self.window, height, width), 1)
        pixels = torch.cat([x, y], dim=1).permute(0, 2, 3, 1)
        return self.mlp["fc2"](self.mlp["fc1"](self.fuse(pixels))).permute(0, 3, 1, 2), valid

    def _rolled(self, x: Tensor, way: int) -> Tensor:
        return torch.roll(x, (way * self.shift, way * self.shift), (2, 3)) if self.shift else x


class Attention(nn.Module):
    """softmax(q k' / sqrt(d)) v of each head; q and k are of features of length 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.q, self.k, self.v, self.proj = (Dense(channels, channels, linear=True) for _ in range(4))

    def forward(self, x: Tensor, valid: Tensor | None, apart: Tensor | None) -> Tensor:
        """Windows x pixels x C to the same.

        valid: windows x pixels, 0 for one that no other may look at.  apart: windows of a picture x pixels x pixels,
        added to the logits of those that the shift alone brought together.
        """
        windows, pixels, channels = x.shape
        unit = F.normalize(x, dim=-1)
        q, k, v = (
            layer(given).view(windows, pixels, HEADS, -1).transpose(1, 2)
            for layer, given in ((self.q, unit), (self.k, unit), (self.v, x))
        )
        bias = x.new_zeros(windows, 1, 1, pixels)
        if valid is not None:
            bias = bias.masked_fill(valid[:, None, None] == 0, FAR)
        if apart is not None:
            bias = bias + apart.repeat(windows // len(apart), 1, 1)[:, None]
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        mixed: Tensor = self.proj(y.transpose(1, 2).reshape(windows, pixels, channels))
        return mixed


def _windows(x: Tensor, side: int) -> Tensor:
    """B x C x H x W to windows x pixels x C."""
    batch, channels, height, width = x.shape
    cut = x.view(batch, channels, height // side, side, width // side, side)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(-1, side * side, channels)


def _together(windows: Tensor, side: int, height: int, width: int) -> Tensor:
    """Windows x pixels x C back to B x C x H x W."""
    channels = windows.shape[-1]
    cut = windows.view(-1, height // side, width // side, side, side, channels)
    return cut.permute(0, 5, 1, 3, 2, 4).reshape(-1, channels, height, width)


def _apart(size: int, window: int, shift: int) -> Tensor:
    """For each window of a shifted picture, what is added to the logits of two of its pixels: 0, or `FAR` where one of
    them came in from the other side of the picture."""
    edge = torch.arange(size)
    part = (edge >= size - window).long() + (edge >= size - shift).long()
    region = (3 * part[:, None] + part[None]).view(1, 1, size, size)
    pixels = _windows(region, window)[..., 0]
    return torch.where(pixels[:, None] == pixels[:, :, None], 0.0, FAR)
