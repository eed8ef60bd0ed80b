"""The last two networks of ZITS: one reads edges and lines, and one paints by what it says (LaMa's, of nine blocks)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._fourier import FourierLayer

LOCAL, GLOBAL = 128, 384
"""Channels of the two branches at the bottleneck."""
WIDTHS = (64, 128, 256, 512)
DISTANCES = 128
"""Of a hole's pixel to what is known: the last stands for all further ones."""


class StructureEncoder(nn.Module):
    """From edges and lines to what is added to the painter's features; each part weighed by a learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = Gated(3, 64, 7), Gated(64, 128, 4)
        self.conv3, self.conv4 = (nn.Conv2d(n, 2 * n, 4, stride=2, padding=1) for n in (128, 256))
        self.bn1, self.bn2, self.bn3, self.bn4 = (nn.BatchNorm2d(n) for n in WIDTHS)
        self.middle = nn.Sequential(*(Residual(WIDTHS[-1]) for _ in range(3)))
        self.convt1, self.convt2, self.convt3 = (Gated(2 * n, n, 4, up=True) for n in (256, 128, 64))
        self.bnt1, self.bnt2, self.bnt3 = (nn.BatchNorm2d(n) for n in (256, 128, 64))
        self.alpha1, self.alpha2, self.alpha3, self.alpha4, self.alpha5, self.alpha6 = (
            nn.Parameter(torch.empty(())) for _ in range(6)
        )
        self.rel_pos_emb = nn.Embedding(DISTANCES, WIDTHS[0])
        self.direct_emb = nn.ParameterDict({"weight": torch.empty(4, WIDTHS[0])})

    def forward(self, drawing: Tensor, distances: Tensor, facing: Tensor) -> tuple[list[Tensor], Tensor]:
        """What is added to the painter's features at full size, a half, a quarter and an eighth; and to the first of
        all, for where a pixel lies.

        drawing: B x 3 x H x W, edges, lines and hole; distances: int64 B x H x W; facing: float32 B x H x W x 4.
        """
        x = F.relu(self.bn1(self.conv1(F.pad(drawing, (3, 3, 3, 3), mode="reflect"))))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x)))
        eighth = self.middle(F.relu(self.bn4(self.conv4(x))))
        quarter = F.relu(self.bnt1(self.convt1(eighth)))
        half = F.relu(self.bnt2(self.convt2(quarter)))
        full = F.relu(self.bnt3(self.convt3(half)))
        added = [full * self.alpha4, half * self.alpha3, quarter * self.alpha2, eighth * self.alpha1]
        places = self.rel_pos_emb(distances) * self.alpha5 + facing @ self.direct_emb["weight"] * self.alpha6
        return added, places.permute(0, 3, 1, 2)


class Painter(nn.Module):
    """LaMa's generator of nine Fourier blocks; the keys are the published checkpoint's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, 64, 7)
        self.conv2, self.conv3, self.conv4 = (nn.Conv2d(n, 2 * n, 3, stride=2, padding=1) for n in (64, 128, 256))
        self.bn1, self.bn2, self.bn3, self.bn4 = (nn.BatchNorm2d(n) for n in WIDTHS)
        self.middle = nn.Sequential(*(FourierResidual() for _ in range(9)))
        self.convt1, self.convt2, self.convt3 = (
            nn.ConvTranspose2d(2 * n, n, 3, stride=2, padding=1, output_padding=1) for n in (256, 128, 64)
        )
        self.bnt1, self.bnt2, self.bnt3 = (nn.BatchNorm2d(n) for n in (256, 128, 64))
        self.convt4 = nn.Conv2d(WIDTHS[0], 3, 7)

    def forward(self, picture: Tensor, hole: Tensor, added: list[Tensor], places: Tensor) -> Tensor:
        """The whole picture, B x 3 x H x W in [0, 1].

        picture: B x 3 x H x W in [0, 1], blanked here in its hole, B x 1 x H x W, 1 = hole; sides multiples of 8.
        added, places: what the encoder of structure says.
        """
        x = torch.cat([picture * (1 - hole), hole], dim=1)
        x = F.relu(self.bn1(self.conv1(F.pad(x, (3, 3, 3, 3), mode="reflect")) + places))
        x = F.relu(self.bn2(self.conv2(x + added[0])))
        x = F.relu(self.bn3(self.conv3(x + added[1])))
        x = F.relu(self.bn4(self.conv4(x + added[2])))
        x = self.middle(x + added[3])
        x = F.relu(self.bnt1(self.convt1(x)))
        x = F.relu(self.bnt2(self.convt2(x)))
        x = F.relu(self.bnt3(self.convt3(x)))
        return (torch.tanh(self.convt4(F.pad(x, (3, 3, 3, 3), mode="reflect"))) + 1) / 2


class FourierResidual(nn.Module):
    """Two Fourier layers beside a short way."""

    def __init__(self) -> None:
        super().__init__()
        self.ffc1, self.ffc2 = (FourierLayer(LOCAL, GLOBAL, normalise=True, local_unit=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """B x 512 x H x W to the same."""
        near, far = torch.split(x, [LOCAL, GLOBAL], dim=1)
        return x + torch.cat(self.ffc2(self.ffc1((near, far))), dim=1)


class Gated(nn.Module):
    """A convolution, or one that doubles the size, half of whose channels say what of the other half passes."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, *, up: bool = False) -> None:
        super().__init__()
        stride, padding = (2, 1) if kernel == 4 else (1, 0)
        kind = nn.ConvTranspose2d if up else nn.Conv2d
        self.gate_conv = kind(channels_in, 2 * channels_out, kernel, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C' x H' x W'."""
        return F.glu(self.gate_conv(x), dim=1)


class Residual(nn.Module):
    """Two convolutions beside a short way, the first of which looks two pixels far."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(channels, channels, 3, dilation=2))
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3))
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to the same."""
        y = F.relu(self.bn1(self.conv1(x)))
        return x + self.bn2(self.conv2(y))
