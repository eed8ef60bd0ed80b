"""The layers of StyleGAN2 (Karras et al., CVPR 2020; with ADA, NeurIPS 2020) that FcF, CoModGAN and MAT are built of.

Weights are stored with unit variance and scaled when they are used (equalised learning rate).  The low-pass filters
are read from the checkpoint.  FcF's holds one for each layer, though only those that change the resolution use theirs:
`idle_filter` says whether such a one is there.  Attributes carry the names of the published checkpoints' keys.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LATENT = 512
"""Numbers in z and in w."""
CLAMP = 256.0
"""Features are held within this on both sides, so that half precision does not overflow."""


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, times sqrt(2), which keeps the variance."""
    return F.leaky_relu(x, 0.2).mul_(math.sqrt(2))


def hold(x: Tensor, clamp: float | None) -> Tensor:
    """Hold `x` within `clamp` on both sides, in place."""
    return x if clamp is None else x.clamp_(-clamp, clamp)


def low_pass(x: Tensor, filter_: Tensor, *, padding: int, gain: float = 1) -> Tensor:
    """Convolve every channel with a 4x4 filter, after zeros on each side: sides grow by 2 padding - 3."""
    channels = x.shape[1]
    kernel = (filter_ * gain).flip(0, 1).expand(channels, 1, -1, -1)
    return F.conv2d(x, kernel, padding=padding, groups=channels)


def upsample(images: Tensor, filter_: Tensor) -> Tensor:
    """Twice the size: a zero after each pixel, then the low-pass filter with gain 4."""
    channels = images.shape[1]
    kernel = (filter_ * 4).expand(channels, 1, -1, -1)
    return F.conv_transpose2d(images, kernel, stride=2, padding=1, groups=channels)


class Dense(nn.Module):
    """Fully connected, equalised: (W rate / sqrt(fan in)) x + b rate; activated and clamped unless `linear`."""

    def __init__(
        self,
        features_in: int,
        features_out: int,
        *,
        rate: float = 1,
        linear: bool = False,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features_out, features_in))
        self.bias = nn.Parameter(torch.empty(features_out))
        self.gain, self.rate, self.linear, self.clamp = rate / math.sqrt(features_in), rate, linear, clamp

    def forward(self, x: Tensor) -> Tensor:
        """B x C to B x C'."""
        y = F.linear(x * self.gain, self.weight, self.bias * self.rate)
        return y if self.linear else hold(activate(y), self.clamp)


class Convolution(nn.Module):
    """Convolution, equalised, with bias, activation and clamp; `down` filters and halves the size, `up` doubles it."""

    resample_filter: Tensor

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        down: bool = False,
        up: bool = False,
        clamp: float | None = CLAMP,
        idle_filter: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(channels_out))
        if down or up or idle_filter:
            self.register_buffer("resample_filter", torch.empty(4, 4))
        self.gain, self.padding, self.down = 1 / math.sqrt(channels_in * kernel**2), kernel // 2, down
        self.up, self.clamp = up, clamp

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C' x H x W, or half of H and W."""
        weight = self.weight * self.gain
        if self.down:
            y = F.conv2d(low_pass(x, self.resample_filter, padding=2), weight, self.bias, stride=2)
        elif self.up:
            y = F.conv_transpose2d(x, weight.transpose(0, 1).flip(2, 3), stride=2)
            y = low_pass(y, self.resample_filter, padding=1, gain=4) + self.bias[:, None, None]
        else:
            y = F.conv2d(x, weight, self.bias, padding=self.padding)
        return hold(activate(y), self.clamp)


class Mapping(nn.ModuleDict):
    """Eight layers from z (1 x 512) to w; run without truncation, so that the mean of w lies idle."""

    def __init__(self, clamp: float | None = None) -> None:
        super().__init__({f"fc{k}": Dense(LATENT, LATENT, rate=0.01, clamp=clamp) for k in range(8)})
        self.register_buffer("w_avg", torch.empty(LATENT))

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        x = z * (z.square().mean() + 1e-8).rsqrt()
        for layer in self.values():
            x = layer(x)
        return x


class EncoderBlock(nn.Module):
    """A convolution whose result the synthesis network joins, and one that halves the size."""

    def __init__(self, channels_in: int, channels_out: int, *, first: bool, idle_filter: bool) -> None:
        super().__init__()
        self.fromrgb = Convolution(4, channels_in, 1, idle_filter=idle_filter) if first else None
        self.conv0 = Convolution(channels_in, channels_in, 3, idle_filter=idle_filter)
        self.conv1 = Convolution(channels_in, channels_out, 3, down=True)
        self.register_buffer("resample_filter", torch.empty(4, 4))  # in the checkpoint, but idle

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """B x C x H x W to B x C' x H/2 x W/2, and the map to join, B x C x H x W."""
        if self.fromrgb is not None:
            x = self.fromrgb(x)
        kept = self.conv0(x)
        return self.conv1(kept), kept


class ModulatedConvolution(nn.Module):
    """A 3x3 convolution whose weights a style scales, w' = s w / sqrt(sum (s w)^2 + 1e-8); noise; activation.

    The sum runs over all that reaches one output channel.  Since s scales input channels and the root divides output
    channels, features are scaled before and after one convolution that all pictures of the batch share.
    """

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        styles: int,
        size: int,
        *,
        up: bool = False,
        clamp: float | None = CLAMP,
        biased: bool = False,
        idle_filter: bool = True,
    ) -> None:
        super().__init__()
        self.affine = Dense(styles, channels_in, linear=True)
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in, 3, 3))
        self.noise_strength = nn.Parameter(torch.empty(()))
        self.bias = nn.Parameter(torch.empty(channels_out))  # in FcF's checkpoint too, but its network adds none
        if up or idle_filter:
            self.register_buffer("resample_filter", torch.empty(4, 4))
        self.register_buffer("noise_const", torch.empty(size, size))
        self.up, self.clamp, self.biased = up, clamp, biased

    def forward(self, x: Tensor, styles: Tensor, noise: Tensor | None = None) -> Tensor:
        """B x C x H x W and B x S to B x C' x H x W, or twice H and W.

        `noise` (1 x 1 x H x W) takes the place of the noise map in the checkpoint.
        """
        scale = self.affine(styles)
        demodulation = (scale.square() @ self.weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()
        x = x * scale[:, :, None, None]
        if self.up:
            x = F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2)
            x = low_pass(x, self.resample_filter, padding=1, gain=4)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        x = x * demodulation[:, :, None, None] + (self.noise_const if noise is None else noise) * self.noise_strength
        if self.biased:
            x = x + self.bias[:, None, None]
        return hold(activate(x), self.clamp)


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to three channels, without the division and the activation."""

    def __init__(self, channels_in: int, styles: int, *, clamp: float | None = CLAMP) -> None:
        super().__init__()
        self.affine = Dense(styles, channels_in, linear=True)
        self.weight = nn.Parameter(torch.empty(3, channels_in, 1, 1))
        self.bias = nn.Parameter(torch.empty(3))
        self.gain, self.clamp = 1 / math.sqrt(channels_in), clamp

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """B x C x H x W and B x S to B x 3 x H x W."""
        scale = self.affine(styles)[:, :, None, None] * self.gain
        return hold(F.conv2d(x * scale, self.weight, self.bias), self.clamp)
