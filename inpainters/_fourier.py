"""Fast Fourier convolutions (Chi, Jiang and Mu, NeurIPS 2020), as LaMa and FcF use them.

A feature map has a local and a global branch.  Ordinary convolutions see a small neighbourhood; the way from the
global branch to itself convolves the map's spectrum instead, so that every pixel sees the whole picture.  The
attributes carry the names of the published checkpoints' keys.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Branches = tuple[Tensor, Tensor]
"""Local and global features, B x C x H x W each."""


class FourierUnit(nn.Module):
    """A 1x1 convolution of the spectrum: F^-1(ReLU(BN(W F(x)))), B x C x H x W to the same.

    The real transform over height and width is orthonormal; its real and imaginary parts are channels of their
    own, interleaved (real 0, imaginary 0, real 1, ...).
    """

    def __init__(self, channels: int, *, normalise: bool) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels) if normalise else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        spectrum = torch.view_as_real(torch.fft.rfft2(x, norm="ortho")).permute(0, 1, 4, 2, 3)
        parts = F.relu(self.bn(self.conv_layer(spectrum.flatten(1, 2))))
        pairs = parts.reshape(spectrum.shape).permute(0, 1, 3, 4, 2).contiguous()
        return torch.fft.irfft2(torch.view_as_complex(pairs), s=x.shape[-2:], norm="ortho")


class SpectralTransform(nn.Module):
    """The global branch's way to itself: W2 (y + FU(y) [+ LFU(y)]), y = ReLU(BN(W1 x)) of half the channels.

    The local Fourier unit LFU works on the map's four quadrants, of a quarter of y's channels, and its result is
    laid into each quadrant; it needs even sides.
    """

    def __init__(self, channels: int, *, normalise: bool, local_unit: bool) -> None:
        super().__init__()
        half = channels // 2
        norm = nn.BatchNorm2d(half) if normalise else nn.Identity()
        self.conv1 = nn.Sequential(nn.Conv2d(channels, half, 1, bias=False), norm, nn.ReLU(inplace=True))
        self.fu = FourierUnit(half, normalise=normalise)
        self.lfu = FourierUnit(half, normalise=normalise) if local_unit else None
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to the same."""
        y = self.conv1(x)
        total = y + self.fu(y)
        if self.lfu is not None:
            rows = torch.cat(y[:, : y.shape[1] // 4].chunk(2, dim=-2), dim=1)
            quadrants = torch.cat(rows.chunk(2, dim=-1), dim=1)
            total += self.lfu(quadrants).repeat(1, 1, 2, 2)
        return self.conv2(total)


class FourierConv(nn.Module):
    """Local' = l2l(local) + g2l(global); global' = l2g(local) + spectral(global).

    The 3x3 convolutions have no bias and pad by reflection; neither branch changes its width.
    """

    def __init__(self, local: int, global_: int, *, normalise: bool, local_unit: bool) -> None:
        super().__init__()
        self.convl2l = nn.Conv2d(local, local, 3, bias=False)
        self.convl2g = nn.Conv2d(local, global_, 3, bias=False)
        self.convg2l = nn.Conv2d(global_, local, 3, bias=False)
        self.convg2g = SpectralTransform(global_, normalise=normalise, local_unit=local_unit)

    def forward(self, branches: Branches) -> Branches:
        """See the class."""
        near, far = (F.pad(branch, (1, 1, 1, 1), mode="reflect") for branch in branches)
        return self.convl2l(near) + self.convg2l(far), self.convl2g(near) + self.convg2g(branches[1])


class FourierLayer(nn.Module):
    """A Fourier convolution, batch norm (where the network has it) and ReLU, branch by branch."""

    def __init__(self, local: int, global_: int, *, normalise: bool, local_unit: bool) -> None:
        super().__init__()
        self.ffc = FourierConv(local, global_, normalise=normalise, local_unit=local_unit)
        self.bn_l = nn.BatchNorm2d(local) if normalise else nn.Identity()
        self.bn_g = nn.BatchNorm2d(global_) if normalise else nn.Identity()

    def forward(self, branches: Branches) -> Branches:
        """See the class."""
        local, global_ = self.ffc(branches)
        return F.relu(self.bn_l(local)), F.relu(self.bn_g(global_))


class FourierBlock(nn.Module):
    """Two Fourier layers with a residual sum over both, no activation after it."""

    def __init__(self, local: int, global_: int, *, normalise: bool, local_unit: bool) -> None:
        super().__init__()
        self.conv1 = FourierLayer(local, global_, normalise=normalise, local_unit=local_unit)
        self.conv2 = FourierLayer(local, global_, normalise=normalise, local_unit=local_unit)

    def forward(self, branches: Branches) -> Branches:
        """See the class."""
        local, global_ = self.conv2(self.conv1(branches))
        return branches[0] + local, branches[1] + global_
