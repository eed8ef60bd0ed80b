"""Constrained convolutions, which see residuals and no content (Bayar and Stamm, 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDE = 5


class BayarConv(nn.Module):
    """Filters of 5x5 whose centre is -1 and whose other values sum to 1."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.kernel = nn.Parameter(torch.full((channels, outputs, SIDE**2 - 1), 1 / (SIDE**2 - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """B x channels x H x W to B x outputs x H x W."""
        around = self.kernel / self.kernel.sum(dim=2, keepdim=True)
        before, after = around.chunk(2, dim=2)
        filters = torch.cat([before, -torch.ones_like(around[..., :1]), after], dim=2)
        return nn.functional.conv2d(x, filters.view(self.outputs, -1, SIDE, SIDE), padding=SIDE // 2)
