"""The three residuals that stand beside the colours, and how they become one."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from safebench.models.toolbox.strips import by_strips

from .._bayar import BayarConv
from .._noiseprint_pp import NoiseprintPP

_LIMIT = 2.0
"""Residuals of the fixed filters are cut off there."""


class Residuals(nn.Module):
    """Noiseprint++, learned constrained filters, and three fixed high-pass filters of the rich models (SRM)."""

    def __init__(self) -> None:
        super().__init__()
        self.noiseprint = NoiseprintPP()
        self.bayar = BayarConv(3, 3)
        self.srm = FixedFilters()

    def forward(self, pictures: Tensor) -> Tensor:
        """B x 3 x H x W to B x 9 x H x W."""
        noise = self.noiseprint(pictures).expand(-1, 3, -1, -1)
        return torch.cat([noise, self.bayar(pictures), self.srm(pictures)], dim=1)


class FixedFilters(nn.Module):
    """Filters that the checkpoint holds as they are."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", torch.zeros(3, 3, 5, 5))

    def forward(self, x: Tensor) -> Tensor:
        """B x 3 x H x W to the same."""
        return nn.functional.conv2d(x, self.filters, padding=2).clamp(-_LIMIT, _LIMIT)


class EarlyConv(nn.Module):
    """Three convolutions of 3x3 and one of 1x1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, 24, 48, 96)
        self.convs = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(width, wider, 3, padding=1), nn.BatchNorm2d(wider), nn.ReLU(inplace=True))
                for width, wider in pairwise(widths)
            )
        )
        self.final = nn.Conv2d(widths[-1], 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """B x channels x H x W to B x 3 x H x W."""
        mixed: Tensor = self.final(self.convs(x))
        return mixed


class Mixer(nn.Module):
    """Three residuals of three channels to one."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(EarlyConv(3) for _ in range(3))
        self.mixer = EarlyConv(9)

    def forward(self, residuals: Tensor) -> Tensor:
        """B x 9 x H x W to B x 3 x H x W; a large picture by strips, since 96 channels of its size are too many."""
        return by_strips(self._mixed, residuals, radius=6)[0]

    def _mixed(self, residuals: Tensor) -> tuple[Tensor]:
        parts = [block(part) for block, part in zip(self.blocks, residuals.chunk(3, dim=1), strict=True)]
        return (self.mixer(torch.cat(parts, dim=1)),)
