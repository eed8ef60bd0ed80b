"""What both generators are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .._winograd import Conv3x3

NOISE_CHANNELS = 8
"""Planes of noise from which preset `safebench` makes a picture's grain."""


class InstanceNorm(nn.Module):
    """Instance norm without parameters or stored statistics.

    As group norm with one channel a group: the same numbers, several times faster on a CPU.  Its gradient is slow there
    where the channels lie last; then it is the batch norm of each picture.
    """

    def forward(self, features: Tensor) -> Tensor:
        """B x C x h x w to the same, each channel of each image with mean 0 and variance 1."""
        if features.device.type == "cpu" and not features.is_contiguous():
            return torch.cat([F.batch_norm(one, None, None, training=True) for one in torch.split(features, 1)])
        return F.group_norm(features, features.shape[1])


def conv(inputs: int, outputs: int, side: int, *, stride: int = 1, dilation: int = 1, spectral: bool) -> nn.Module:
    """A convolution; one with a stride has its padding of 1 inside, the others are padded before."""
    layer: nn.Module
    if side == 3 and stride == 1:
        layer = Conv3x3(inputs, outputs, dilation=dilation)
    else:
        layer = nn.Conv2d(inputs, outputs, side, stride=stride, padding=int(stride > 1), dilation=dilation)
    return spectral_norm(layer) if spectral else layer


def up_conv(inputs: int, outputs: int, *, spectral: bool, smooth: bool) -> nn.Module:
    """Doubles the sides: a transposed convolution, or, `smooth`, a convolution and interpolation.

    A transposed one treats even and odd pixels apart and so leaves a grid (Odena et al. 2016), a trace of its own.
    """
    if smooth:
        narrow = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")
        return nn.Sequential(narrow, nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
    layer = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    return spectral_norm(layer) if spectral else layer


def encoder(inputs: int, channels: int, *, spectral: bool) -> nn.Sequential:
    """B x inputs x H x W to B x 4 channels x H/4 x W/4."""
    c = channels
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        conv(inputs, c, 7, spectral=spectral),
        InstanceNorm(),
        nn.ReLU(inplace=True),
        conv(c, 2 * c, 4, stride=2, spectral=spectral),
        InstanceNorm(),
        nn.ReLU(inplace=True),
        conv(2 * c, 4 * c, 4, stride=2, spectral=spectral),
        InstanceNorm(),
        nn.ReLU(inplace=True),
    )


class ResidualBlock(nn.Module):
    """Two convolutions, the first with dilation 2, added to what came in.

    `modulation`: length of a vector that scales and shifts the first normalised map (Perez et al. 2018, FiLM); 0 for
    none.  Behind the norm, a constant reaches the output; before it, the norm would subtract it.
    """

    def __init__(self, channels: int, *, spectral: bool, modulation: int = 0) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(2),
            conv(channels, channels, 3, dilation=2, spectral=spectral),
            InstanceNorm(),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            conv(channels, channels, 3, spectral=spectral),
            InstanceNorm(),
        )
        self.modulate = nn.Linear(modulation, 2 * channels) if modulation else None

    def forward(self, features: Tensor, vector: Tensor | None = None) -> Tensor:
        """features: B x C x h x w; vector: B x modulation.  Returns B x C x h x w."""
        if self.modulate is None:
            return features + self.conv_block(features)
        inner = self.conv_block[:3](features)
        scale, shift = self.modulate(vector)[:, :, None, None].to(inner.dtype).chunk(2, dim=1)
        return features + self.conv_block[3:](inner * (1 + scale) + shift)


class Grain(nn.Module):
    """Adds noise whose strength each place decides for itself, since a photo's grain differs from place to place.

    Takes every n-th of the noise's pixels where the features are n times smaller.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(NOISE_CHANNELS, channels, 1, bias=False)
        self.strength = nn.Conv2d(channels, channels, 1)

    def reset_parameters(self) -> None:
        """Begin with some noise everywhere: where none arrives, nothing says what to make of it."""
        nn.init.normal_(self.mix.weight, 0.0, 0.05)
        nn.init.normal_(self.strength.weight, 0.0, 0.02)
        nn.init.constant_(self.strength.get_parameter("bias"), 1.0)

    def forward(self, features: Tensor, noise: Tensor) -> Tensor:
        """features: B x C x H/n x W/n; noise: B x NOISE_CHANNELS x H x W, standard normal.  Returns as `features`."""
        step = noise.shape[-1] // features.shape[-1]
        return features + self.mix(noise[..., ::step, ::step]) * self.strength(features)


def initialise(network: nn.Module) -> None:
    """The authors' initialisation: weights normal with deviation 0.02 (batch norm: around 1), biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def draw_noise(images: Tensor, seed: int) -> Tensor:
    """The noise for a batch B x C x H x W: every picture's is drawn from `seed` anew, on the CPU, so that neither the
    batch nor the device changes it."""
    one = torch.randn(1, NOISE_CHANNELS, *images.shape[-2:], generator=torch.Generator().manual_seed(seed))
    return one.to(images.device).expand(len(images), -1, -1, -1)
