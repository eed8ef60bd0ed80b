"""The network that tells the position of each pixel in the mosaic (Bammey, Grompone von Gioi, Morel 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 8
"""Filters of each of the four shapes in a spatial layer."""
FEATURES = 2 * 4 * WIDTH
POSITIONS = 4
"""In the mosaic: at 2 * row + column, both modulo 2 and counted from a pixel that sees red."""
RADIUS = 4
"""Pixels that a feature looks at to each side."""


class Spatial(nn.Module):
    """Filters of four shapes, side by side: along a row, along a column, a square, and a square of every other pixel,
    whose pixels see one colour in the mosaic."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.row = nn.Conv2d(channels, WIDTH, (1, 5), padding=(0, 2))
        self.column = nn.Conv2d(channels, WIDTH, (5, 1), padding=(2, 0))
        self.square = nn.Conv2d(channels, WIDTH, 3, padding=1)
        self.spread = nn.Conv2d(channels, WIDTH, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x 4 WIDTH x H x W."""
        return F.leaky_relu(torch.cat([self.row(x), self.column(x), self.square(x), self.spread(x)], dim=1), 0.2)


class MosaicNetwork(nn.Module):
    """Two spatial layers, then 1x1 convolutions over what both have seen, to four logits for each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Spatial(3)
        self.second = Spatial(4 * WIDTH)
        self.pixelwise = nn.Sequential(
            nn.Conv2d(FEATURES, 32, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 32, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, POSITIONS, 1),
        )

    def features(self, images: Tensor) -> Tensor:
        """What the spatial layers see: B x 3 x H x W in [0, 1] to B x FEATURES x H x W."""
        first = self.first(8 * (images - 0.5))
        return torch.cat([first, self.second(first)], dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """The logits of a pixel's position: B x 3 x H x W in [0, 1] to B x POSITIONS x H x W."""
        logits: Tensor = self.pixelwise(self.features(images))
        return logits


def positions(red: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The position in the mosaic of each pixel, by the red pixel's place in each picture: B to B x H x W."""
    rows, columns = (torch.arange(length, device=red.device) for length in shape)
    down = (rows[None, :, None] - (red // 2)[:, None, None]) % 2
    right = (columns[None, None, :] - (red % 2)[:, None, None]) % 2
    return 2 * down + right


def block_evidence(logits: Tensor) -> Tensor:
    """How likely each 2x2 block makes it that red is at each of its pixels: B x 4 x H x W to B x 4 x H/2 x W/2.

    At 2 * row + column of the red pixel in the block: the sum, over the block's pixels, of the logarithm of the
    probability of the positions that they then have.  Rows and columns beyond the last whole block are left out.
    """
    height, width = (length // 2 * 2 for length in logits.shape[2:])
    shares = F.log_softmax(logits[..., :height, :width], dim=1)
    pixels = {(y, x): shares[:, :, y::2, x::2] for y in (0, 1) for x in (0, 1)}
    evidence = [
        sum((pixels[y, x][:, 2 * ((y - down) % 2) + (x - right) % 2] for y, x in pixels), start=torch.zeros(()))
        for down, right in pixels
    ]
    return torch.stack(evidence, dim=1)


def losses(logits: Tensor, red: Tensor) -> tuple[Tensor, Tensor]:
    """What is learned from: cross-entropy of the red pixel's place in each 2x2 block, and, as the auxiliary loss, of
    each pixel's position in the mosaic.  logits: B x 4 x H x W; red: B, as in `block_evidence`."""
    evidence = block_evidence(logits)
    blocks = F.cross_entropy(evidence, red[:, None, None].expand(-1, *evidence.shape[2:]))
    return blocks, F.cross_entropy(logits, positions(red, logits.shape[2:]))
