"""Mesorch: a ConvNeXt for what is fine and a Mix Transformer for what is coarse, weighed pixel by pixel (AAAI 2025).

Submodules are named as in the published state dict.  Mesorch-P, the pruned one, keeps some scales and sums them up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import _mix_transformer as mit
from .._channel_norm import ChannelNorm
from .._tokens import to_map
from . import convnext

DEPTHS = (3, 4, 18, 3)
"""Of the Mix Transformer MiT-B3."""
CHANNELS = 6
"""A picture, and its fine or its coarse part."""
HIGH, LOW = 0.05, 0.95
"""From which share of the frequencies on a part is fine, and from which on it is no longer coarse."""
GATE = 192
SCALES = ((0, 1, 2, 3), (0, 1, 2, 3))
PRUNED = ((0, 2), (1, 2, 3))
"""The scales that count, of ConvNeXt and of the transformer."""
NOT_USED = ("convnext.head.",)
"""A classifier, which the published file of the whole network holds."""


class MixTransformer(nn.ModuleDict):
    """MiT-B3 over six channels."""

    def __init__(self) -> None:
        parts: dict[str, nn.Module] = {}
        for stage, width in enumerate(mit.WIDTHS):
            blocks = (mit.Block(width, mit.HEADS[stage], mit.REDUCTIONS[stage]) for _ in range(DEPTHS[stage]))
            parts[f"patch_embed{stage + 1}"] = mit.PatchEmbedding(mit.stage_channels(stage), width, *mit.PATCHES[stage])
            parts[f"block{stage + 1}"] = nn.ModuleList(blocks)
            parts[f"norm{stage + 1}"] = nn.LayerNorm(width, eps=mit.BLOCK_EPS)
        side, stride = mit.PATCHES[0]
        first = nn.Conv2d(CHANNELS, mit.WIDTHS[0], side, stride=stride, padding=side // 2, bias=False)
        parts["patch_embed1"].proj = first
        super().__init__(parts)

    def forward(self, x: Tensor) -> list[Tensor]:
        """B x 6 x H x W to the maps of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the size."""
        maps = []
        for stage in range(1, len(mit.WIDTHS) + 1):
            tokens, size = self[f"patch_embed{stage}"](x)
            for block in self[f"block{stage}"]:  # type: ignore[attr-defined]
                tokens = block(tokens, size)
            x = to_map(self[f"norm{stage}"](tokens), size)
            maps.append(x)
        return maps


class Gate(nn.Module):
    """The weight of each scale at each quarter pixel."""

    def __init__(self, scales: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(9, GATE, 7, stride=2, padding=3)
        self.invert = nn.Sequential(
            ChannelNorm(GATE, eps=convnext.EPS),
            nn.Conv2d(GATE, GATE, 3, padding=1),
            nn.Conv2d(GATE, 4 * GATE, 1),
            nn.Conv2d(4 * GATE, GATE, 1),
            nn.GELU(),
        )
        self.conv2 = nn.Conv2d(GATE, scales, 7, stride=2, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """B x 9 x H x W to B x scales x H/4 x W/4, of sum 1."""
        x = self.conv1(x)
        weights: Tensor = self.conv2(x + self.invert(x)).softmax(dim=1)
        return weights


class Mesorch(nn.Module):
    """Logits at a quarter of the size."""

    def __init__(self, pruned: bool = False) -> None:
        super().__init__()
        self.scales = fine, coarse = PRUNED if pruned else SCALES
        self.convnext = convnext.ConvNeXt(CHANNELS, max(fine) + 1)
        self.segformer = MixTransformer()
        self.upsample = nn.ModuleDict(
            {f"upsamplec{scale + 1}": enlarged(convnext.WIDTHS, scale) for scale in fine if scale}
            | {f"upsamples{scale + 1}": enlarged(mit.WIDTHS, scale) for scale in coarse if scale}
        )
        widths = [convnext.WIDTHS[0]] * len(fine) + [mit.WIDTHS[0]] * len(coarse)
        self.inverse = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in widths)
        self.gate = None if pruned else Gate(len(widths))

    def forward(self, pictures: Tensor) -> Tensor:
        """B x 3 x H x W, normalised, with sides that are multiples of 32, to B x 1 x H/4 x W/4."""
        high, low = frequencies(pictures)
        streams = zip(
            "cs",
            (self.convnext(torch.cat([pictures, high], dim=1)), self.segformer(torch.cat([pictures, low], dim=1))),
            self.scales,
            strict=True,
        )
        features = [
            self.upsample[f"upsample{stream}{scale + 1}"](maps[scale]) if scale else maps[scale]
            for stream, maps, scales in streams
            for scale in scales
        ]
        logits = torch.cat([layer(x) for layer, x in zip(self.inverse, features, strict=True)], dim=1)
        if self.gate is not None:
            logits = logits * self.gate(torch.cat([pictures, high, low], dim=1))
        return logits.sum(dim=1, keepdim=True)


def enlarged(widths: Sequence[int], scale: int) -> nn.Module:
    """From a scale's map to the finest scale's size and width, by doubling it."""
    steps = [nn.ConvTranspose2d(widths[k], widths[k - 1], 4, stride=2, padding=1) for k in range(scale, 0, -1)]
    return steps[0] if scale == 1 else nn.Sequential(*steps)


def frequencies(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures without their lowest and without their highest frequencies, each brought to [0, 1]: B x 3 x H x W."""
    height, width = pictures.shape[2:]
    rows, columns = (cosines(side, pictures.device) for side in (height, width))
    transformed = rows @ pictures @ columns.T
    high, low = transformed.clone(), transformed
    high[:, :, : int(HIGH * height), : int(HIGH * width)] = 0
    low[:, :, height - int(LOW * height) :, width - int(LOW * width) :] = 0
    return _to_unit(rows.T @ high @ columns), _to_unit(rows.T @ low @ columns)


def cosines(length: int, device: torch.device) -> Tensor:
    """The matrix of the orthonormal DCT-II.

    In float32, as the authors': angles of a thousand and more are rounded to 1e-4, and the network learned with that.
    """
    numbers = torch.arange(length, dtype=torch.float32, device=device)
    angles = math.pi * numbers[:, None] * (2 * numbers + 1) / (2 * length)
    matrix = math.sqrt(2 / length) * torch.cos(angles)
    matrix[0] = 1 / math.sqrt(length)
    return matrix


def _to_unit(x: Tensor) -> Tensor:
    lowest, highest = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    return (x - lowest) / (highest - lowest).clamp(min=torch.finfo(x.dtype).tiny)
