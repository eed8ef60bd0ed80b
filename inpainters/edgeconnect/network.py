"""EdgeConnect's two generators: edges first, then colours (Nazeri et al., 2019, sections 3.1 and 3.2).

Both share one layout: a stem and two stride-2 convolutions, eight dilated residual blocks, two transposed
convolutions and a 7x7 head.  Attribute names and positions are those of the published state dicts.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import remove_spectral_norm, spectral_norm

from .._rwsa import Attention, placed
from .._winograd import Conv3x3

Conv = TypeVar("Conv", nn.Conv2d, nn.ConvTranspose2d)
BLOCKS = 8


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions with instance norm, the first dilated; nothing follows the sum."""

    def __init__(self, channels: int, spectral: bool) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(2),
            _normed(Conv3x3(channels, channels, dilation=2, bias=not spectral), spectral),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            _normed(Conv3x3(channels, channels, bias=not spectral), spectral),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """B x channels x h x w to the same."""
        return x + self.conv_block(x)


class Generator(nn.Module):
    """Encoder, residual blocks, decoder; the output has no activation.

    `spectral`: the convolutions, all but the last, are stored under spectral norm (the edge generator's are).
    `width`: channels of the first layer; the residual blocks have four times as many.
    """

    def __init__(self, channels: int, outputs: int, spectral: bool, width: int) -> None:
        super().__init__()
        c = width
        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3),
            *_normalised(nn.Conv2d(channels, c, 7), spectral),
            *_normalised(nn.Conv2d(c, 2 * c, 4, stride=2, padding=1), spectral),
            *_normalised(nn.Conv2d(2 * c, 4 * c, 4, stride=2, padding=1), spectral),
        )
        self.middle = nn.Sequential(*(ResidualBlock(4 * c, spectral) for _ in range(BLOCKS)))
        self.decoder = nn.Sequential(
            *_normalised(nn.ConvTranspose2d(4 * c, 2 * c, 4, stride=2, padding=1), spectral),
            *_normalised(nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1), spectral),
            nn.ReflectionPad2d(3),
            nn.Conv2d(c, outputs, 7),
        )


class EdgeGenerator(Generator):
    """Draws the edges of the whole picture."""

    def __init__(self, width: int = 64) -> None:
        super().__init__(channels=3, outputs=1, spectral=True, width=width)

    def forward(self, grey: Tensor, edges: Tensor, masks: Tensor) -> Tensor:
        """Edges in [0, 1] of grey pictures and known edges; all B x 1 x H x W, 1 = hole, H and W multiples of 4.

        The hole's pixels are set to white here, and its edges to none.
        """
        known = 1 - masks
        seen = torch.cat([grey * known + masks, edges * known, masks], dim=1)
        return torch.sigmoid(self.decoder(self.middle(self.encoder(seen))))

    def divide(self) -> None:
        """Replace every stored convolution by its spectrally normalised one, once and for all.

        The divisor is u . (W v) with the stored u and v, sign included; no power iteration takes place.
        """
        for module in self.modules():
            if hasattr(module, "weight_orig"):
                remove_spectral_norm(module)


class InpaintingGenerator(Generator):
    """Paints the whole picture along the edges.

    `attention`: RWSA behind both down-sampling layers, or before the decoder's three convolutions.
    """

    def __init__(self, width: int = 64, attention: Attention = "none") -> None:
        super().__init__(channels=4, outputs=3, spectral=False, width=width)
        c = width
        self.down, self.up = placed(attention, {7: 2 * c, 10: 4 * c}, {0: 4 * c, 3: 2 * c, 6: c})

    def forward(self, images: Tensor, edges: Tensor, masks: Tensor) -> Tensor:
        """RGB pictures in [0, 1] (B x 3 x H x W), edges of the whole and masks (B x 1 x H x W) to RGB in [0, 1].

        H and W are multiples of 4; the hole's pixels are set to white here.
        """
        seen = torch.cat([images * (1 - masks) + masks, edges], dim=1)
        features = self.middle(self.down.through(self.encoder, seen, masks))
        return (torch.tanh(self.up.through(self.decoder, features, masks)) + 1) / 2


def _normed(conv: Conv, spectral: bool) -> Conv:
    return spectral_norm(conv) if spectral else conv


def _normalised(conv: Conv, spectral: bool) -> tuple[nn.Module, nn.Module, nn.Module]:
    return _normed(conv, spectral), nn.InstanceNorm2d(conv.out_channels), nn.ReLU(inplace=True)
