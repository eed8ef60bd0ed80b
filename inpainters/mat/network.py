"""The generator of MAT (Li et al., CVPR 2022): a transformer fills the hole roughly, a StyleGAN2 paints over it.

Attributes carry the names of the published checkpoints' keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._stylegan import LATENT, Convolution, Dense, Mapping, activate, low_pass, upsample
from .attention import Layer, PartialConvolution

SUMMARY = 1024
"""Numbers in the vector that the second stage makes of the whole picture."""
CHANNELS = 180
"""Of the first stage."""
INNER = 64
"""The side at which the first stage's transformer begins."""
LEAST = 16
"""The side of the smallest feature maps that are joined."""
WIDTHS = {512: 64, 256: 128, 128: 256}
"""Channels of the second stage at a size."""
WIDEST = 512
"""The same at the other sizes, which are smaller."""


class Generator(nn.Module):
    """The network for square pictures of `size` pixels, 256 or 512."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.synthesis = Synthesis(size)
        self.mapping = Mapping()

    def forward(self, images: Tensor, masks: Tensor, z: Tensor, chosen: Sequence[Tensor]) -> Tensor:
        """The picture, B x 3 x size x size, in the hole nominally in [-1, 1] but not clipped, else as it was given.

        images: B x 3 x size x size in [-1, 1]; masks: B x 1 x size x size, 1 = hole; z: 1 x 512, standard normal draws;
        chosen: 0 or 1 at random for each feature in the middle of the two stages, 1 x 180 x 16 x 16 and
        1 x 512 x 16 x 16; 0 puts a function of z in its place.  All of these are the same for each picture.
        """
        w = self.mapping(z).expand(len(images), -1)
        picture: Tensor = self.synthesis(images, 1 - masks, w, chosen)
        return picture


class Synthesis(nn.Module):
    """The two stages."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.first_stage = FirstStage(size)
        self.enc = nn.ModuleDict(
            {f"EncConv_Block_{s}x{s}": EncoderBlock(s, first=s == size) for s in reversed(_sizes(size))}
        )
        self.to_square = Dense(LATENT, LEAST * LEAST)
        self.to_style = Summary()
        self.dec = nn.ModuleDict({f"Dec_{s}x{s}": DecoderBlock(s, noisy=True) for s in _sizes(size)})

    def forward(self, images: Tensor, known: Tensor, w: Tensor, chosen: Sequence[Tensor]) -> Tensor:
        """See `Generator`; known: 1 where the picture is known."""
        seen = images * known
        rough = self.first_stage(seen, known, w, chosen[0])
        x = torch.cat([known - 0.5, seen + rough * (1 - known), seen], dim=1)
        maps: list[Tensor] = []
        for block in self.enc.values():
            x = block(x)
            maps.insert(0, x)
        maps[0] = x = _choose(x, self.to_square(w).view(-1, 1, LEAST, LEAST), chosen[1])
        styles = torch.cat([w, self.to_style(x)], dim=1)
        image: Tensor | None = None
        for block, kept in zip(self.dec.values(), maps, strict=True):
            x, image = block(x, image, styles, kept)
        return image * (1 - known) + seen  # type: ignore[operator]  # there is a block at least


class FirstStage(nn.Module):
    """From the known pixels to a picture: halved to 64, a transformer down to 16 and back, doubled again."""

    def __init__(self, size: int) -> None:
        super().__init__()
        halvings = int(math.log2(size // INNER))
        self.conv_first = PartialConvolution(4, CHANNELS)
        self.enc_conv = nn.ModuleList(PartialConvolution(CHANNELS, CHANNELS, down=True) for _ in range(halvings))
        self.tran = nn.ModuleList(
            [
                Layer(CHANNELS, 64, 2, 8),
                Layer(CHANNELS, 32, 3, 16, down=True),
                Layer(CHANNELS, 16, 4, 16, down=True),
                Layer(CHANNELS, 32, 3, 16, up=True),
                Layer(CHANNELS, 64, 2, 8, up=True),
            ]
        )
        self.down_conv = nn.Sequential(*(Convolution(CHANNELS, CHANNELS, 3, down=True, clamp=None) for _ in range(4)))
        self.to_style = Dense(CHANNELS, 2 * CHANNELS)
        self.ws_style = Dense(LATENT, CHANNELS)
        self.to_square = Dense(CHANNELS, LEAST * LEAST)
        sizes = [INNER << k for k in range(1, halvings + 1)]
        self.dec_conv = nn.ModuleList(
            DecoderBlock(s, noisy=False, channels=CHANNELS, styles=3 * CHANNELS) for s in sizes
        )

    def forward(self, seen: Tensor, known: Tensor, w: Tensor, chosen: Tensor) -> Tensor:
        """The picture, B x 3 x size x size, its known pixels as they are."""
        x, valid = self.conv_first(torch.cat([known - 0.5, seen], dim=1), known)
        wide = [x]
        for block in self.enc_conv:
            x, valid = block(x, valid)
            wide.append(x)
        down_64, down_32, middle, up_32, up_64 = self.tran
        at_64, valid = down_64(x, valid)
        at_32, valid = down_32(at_64, valid)
        x, _ = middle(at_32, None)
        style = self.ws_style(w)
        x = _choose(x, self.to_square(style).view(-1, 1, LEAST, LEAST), chosen)
        styles = torch.cat([self.to_style(self.down_conv(x).mean((2, 3))), style], dim=1)
        x = up_32(x, None)[0] + at_32
        x = up_64(x, None)[0] + at_64
        image: Tensor | None = None
        for block, kept in zip(self.dec_conv, wide[-2::-1], strict=True):
            x, image = block(x, image, styles, kept)
        return image * (1 - known) + seen  # type: ignore[operator]  # there is a block at least


class EncoderBlock(nn.Sequential):
    """Two convolutions, the first of which halves the size, but in the `first` block reads the picture."""

    def __init__(self, size: int, *, first: bool) -> None:
        channels = _width(size)
        conv0 = (
            Convolution(7, channels, 1, clamp=None)
            if first
            else Convolution(_width(2 * size), channels, 3, down=True, clamp=None)
        )
        super().__init__()
        self.add_module("conv0", conv0)
        self.add_module("conv1", Convolution(channels, channels, 3, clamp=None))


class Summary(nn.Module):
    """One vector of the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        channels = _width(LEAST)
        self.conv = nn.Sequential(*(Convolution(channels, channels, 3, down=True, clamp=None) for _ in range(3)))
        self.fc = Dense(channels, SUMMARY)

    def forward(self, x: Tensor) -> Tensor:
        """B x 512 x 16 x 16 to B x 1024."""
        vector: Tensor = self.fc(self.conv(x).mean((2, 3)))
        return vector


class DecoderBlock(nn.Module):
    """Doubles the size (not the second stage's first block), joins the encoder's map, and adds to the picture."""

    def __init__(self, size: int, *, noisy: bool, channels: int = 0, styles: int = LATENT + SUMMARY) -> None:
        super().__init__()
        narrow, wide = (channels, channels) if channels else (_width(size), _width(size // 2))
        noise = size if noisy else 0
        self.conv0 = (
            Convolution(wide, narrow, 3, clamp=None)
            if size == LEAST
            else StyledConvolution(wide, narrow, styles, noise, up=True)
        )
        self.conv1 = StyledConvolution(narrow, narrow, styles, noise)
        self.toRGB = ToRGB(narrow, styles)

    def forward(self, x: Tensor, image: Tensor | None, styles: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Features B x C x H x W and picture B x 3 x H x W to those of the block's size."""
        x = self.conv0(x, styles) if isinstance(self.conv0, StyledConvolution) else self.conv0(x)
        x = self.conv1(x + kept, styles)
        part: Tensor = self.toRGB(x, styles)
        return x, part if image is None else part + upsample(image, self.toRGB.resample_filter)


class StyledConvolution(nn.Module):
    """A modulated convolution, noise of the checkpoint (side `noise`; 0: none), bias, activation."""

    noise_const: Tensor

    def __init__(self, channels_in: int, channels_out: int, styles: int, noise: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = Modulated(channels_in, channels_out, 3, styles, up=up)
        self.noisy = noise > 0
        if self.noisy:
            self.noise_strength = nn.Parameter(torch.empty(()))
            self.register_buffer("noise_const", torch.empty(noise, noise))
        self.bias = nn.Parameter(torch.empty(channels_out))

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """B x C x H x W and B x S to B x C' x H x W, or twice H and W."""
        x = self.conv(x, styles)
        if self.noisy:
            x = x + self.noise_const * self.noise_strength
        return activate(x + self.bias[:, None, None])


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to three channels, without the division and the activation."""

    resample_filter: Tensor

    def __init__(self, channels_in: int, styles: int) -> None:
        super().__init__()
        self.conv = Modulated(channels_in, 3, 1, styles, divided=False)
        self.bias = nn.Parameter(torch.empty(3))
        self.register_buffer("resample_filter", torch.empty(4, 4))

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """B x C x H x W and B x S to B x 3 x H x W."""
        image: Tensor = self.conv(x, styles) + self.bias[:, None, None]
        return image


class Modulated(nn.Module):
    """A convolution whose weights a style scales, w' = g s w / sqrt(sum (g s w)^2 + 1e-8), g = 1 / sqrt(fan in).

    As in `_stylegan.ModulatedConvolution`, features are scaled before and after one convolution for all pictures.
    """

    resample_filter: Tensor

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        styles: int,
        *,
        up: bool = False,
        divided: bool = True,
    ) -> None:
        super().__init__()
        self.affine = Dense(styles, channels_in, linear=True)
        self.weight = nn.Parameter(torch.empty(1, channels_out, channels_in, kernel, kernel))
        self.register_buffer("resample_filter", torch.empty(4, 4))
        self.gain, self.up, self.divided = 1 / math.sqrt(channels_in * kernel**2), up, divided

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        """B x C x H x W and B x S to B x C' x H x W, or twice H and W."""
        weight = self.weight[0] * self.gain
        scale = self.affine(styles)
        x = x * scale[:, :, None, None]
        if self.up:
            x = F.conv_transpose2d(x, weight.transpose(0, 1).flip(2, 3), stride=2)
            x = low_pass(x, self.resample_filter, padding=1, gain=4)
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if not self.divided:
            return x
        division = (scale.square() @ weight.square().sum(dim=(2, 3)).T + 1e-8).rsqrt()
        return x * division[:, :, None, None]


def _choose(x: Tensor, other: Tensor, chosen: Tensor) -> Tensor:
    """Features where `chosen` is 1, else what is to stand in their place."""
    return x * chosen + other * (1 - chosen)


def _sizes(size: int) -> list[int]:
    """16, 32, ... size."""
    return [LEAST << k for k in range((size // LEAST).bit_length())]


def _width(size: int) -> int:
    return WIDTHS.get(size, WIDEST)
