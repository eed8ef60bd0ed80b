"""EdgeConnect's two generators: edges first, then colours (Nazeri et al., 2019, sections 3.1 and 3.2).

Both share one layout: a stem and two stride-2 convolutions, eight dilated residual blocks, two transposed
convolutions and a 7x7 head.  Attribute names and positions are those of the published state dicts.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import remove_spectral_norm, spectral_norm

Conv = TypeVar("Conv", nn.Conv2d, nn.ConvTranspose2d)
WIDTH = 256
"""Channels of the residual blocks."""
BLOCKS = 8


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions with instance norm, the first dilated; nothing follows the sum."""

    def __init__(self, spectral: bool) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(2),
            _normed(nn.Conv2d(WIDTH, WIDTH, 3, dilation=2, bias=not spectral), spectral),
            nn.InstanceNorm2d(WIDTH),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            _normed(nn.Conv2d(WIDTH, WIDTH, 3, bias=not spectral), spectral),
            nn.InstanceNorm2d(WIDTH),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B x 256 x h x w to the same."""
        return x + self.conv_block(x)


class Generator(nn.Module):
    """Encoder, residual blocks, decoder; the output has no activation.

    `spectral`: the convolutions, all but the last, are stored under spectral norm (the edge generator's are).
    """

    def __init__(self, channels: int, outputs: int, spectral: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3),
            _normed(nn.Conv2d(channels, 64, 7), spectral),
            nn.InstanceNorm2d(64),
            nn.ReLU(inplace=True),
            _normed(nn.Conv2d(64, 128, 4, stride=2, padding=1), spectral),
            nn.InstanceNorm2d(128),
            nn.ReLU(inplace=True),
            _normed(nn.Conv2d(128, WIDTH, 4, stride=2, padding=1), spectral),
            nn.InstanceNorm2d(WIDTH),
            nn.ReLU(inplace=True),
        )
        self.middle = nn.Sequential(*(ResidualBlock(spectral) for _ in range(BLOCKS)))
        self.decoder = nn.Sequential(
            _normed(nn.ConvTranspose2d(WIDTH, 128, 4, stride=2, padding=1), spectral),
            nn.InstanceNorm2d(128),
            nn.ReLU(inplace=True),
            _normed(nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1), spectral),
            nn.InstanceNorm2d(64),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(3),
            nn.Conv2d(64, outputs, 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B x channels x H x W (H and W multiples of 4) to B x outputs x H x W."""
        features: Tensor = self.decoder(self.middle(self.encoder(x)))
        return features


class EdgeGenerator(Generator):
    """Draws the edges of the whole picture."""

    def __init__(self) -> None:
        super().__init__(channels=3, outputs=1, spectral=True)

    def forward(self, x: Tensor) -> Tensor:
        """Grey picture with a white hole, known edges and mask (B x 3 x H x W) to edges in [0, 1] (B x 1 x H x W)."""
        return torch.sigmoid(super().forward(x))

    def divide(self) -> None:
        """Replace every stored convolution by its spectrally normalised one, once and for all.

        The divisor is u . (W v) with the stored u and v, sign included; no power iteration takes place.
        """
        for module in self.modules():
            if hasattr(module, "weight_orig"):
                remove_spectral_norm(module)


class InpaintingGenerator(Generator):
    """Paints the whole picture along the edges."""

    def __init__(self) -> None:
        super().__init__(channels=4, outputs=3, spectral=False)

    def forward(self, x: Tensor) -> Tensor:
        """RGB picture with a white hole and edges (B x 4 x H x W) to RGB in [0, 1] (B x 3 x H x W)."""
        return (torch.tanh(super().forward(x)) + 1) / 2


def _normed(conv: Conv, spectral: bool) -> Conv:
    return spectral_norm(conv) if spectral else conv
