"""The generator of MI-GAN (Sargsyan et al., ICCV 2023), as it is published for inference.

An encoder halves the picture down to 4x4 and hands a feature map of each size to a synthesis network, which doubles
them again and adds up a picture over all sizes.  Every convolution is split into one of each channel alone (3x3) and
one over the channels (1x1).  Attributes carry the names of the published checkpoints' keys.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLAMP = 256.0
"""Features are held within this on both sides."""
SMALLEST = 4
"""The side of the smallest feature maps."""


class Generator(nn.Module):
    """The network for square pictures of `size` pixels, 256 or 512."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.encoder = Encoder(size)
        self.synthesis = Synthesis(size)

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """The whole picture, B x 3 x size x size, nominally in [-1, 1] but not clipped.

        images: B x 3 x size x size in [-1, 1]; masks: B x 1 x size x size, 1 = hole, blanked here to 0 (grey).
        """
        maps = self.encoder(torch.cat([0.5 - masks, images * (1 - masks)], dim=1))
        picture: Tensor = self.synthesis(maps)
        return picture


class Encoder(nn.ModuleDict):
    """Blocks `b256` (or `b512`) to `b8`, each of which halves the size, and `b4`."""

    def __init__(self, size: int) -> None:
        sizes = _sizes(size)[::-1]
        blocks = {f"b{s}": EncoderBlock(_width(s), _width(s // 2), first=s == size) for s in sizes[:-1]}
        super().__init__({**blocks, f"b{SMALLEST}": EncoderBlock(_width(SMALLEST), _width(SMALLEST), last=True)})

    def forward(self, x: Tensor) -> list[Tensor]:
        """From B x 4 x size x size to the map that each block hands on, the smallest first.

        The last map is what the last block makes; the others stand before the halving.
        """
        maps: list[Tensor] = []
        for block in self.values():
            x, kept = block(x)
            maps.insert(0, kept)
        return [x, *maps]


class EncoderBlock(nn.Module):
    """A convolution whose result the synthesis network joins, and one that halves the size (not the `last`)."""

    def __init__(self, channels_in: int, channels_out: int, *, first: bool = False, last: bool = False) -> None:
        super().__init__()
        self.fromrgb = nn.Conv2d(4, channels_in, 1) if first else None
        self.conv1 = SplitConvolution(channels_in, channels_in)
        self.conv2 = SplitConvolution(channels_in, channels_out, down=not last)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """B x C x H x W to B x C' x H/2 x W/2, and the map to join, B x C x H x W."""
        if self.fromrgb is not None:
            x = activate(self.fromrgb(x))
        kept = self.conv1(x)
        return self.conv2(kept), kept


class Synthesis(nn.ModuleDict):
    """`b4`, and blocks `b8` to `b256` (or `b512`), each of which doubles the size."""

    def __init__(self, size: int) -> None:
        sizes = _sizes(size)
        blocks = {f"b{s}": SynthesisBlock(_width(s // 2), _width(s), s) for s in sizes[1:]}
        super().__init__({f"b{SMALLEST}": SynthesisBlock(_width(SMALLEST), _width(SMALLEST), 0), **blocks})

    def forward(self, maps: list[Tensor]) -> Tensor:
        """The picture, B x 3 x size x size, of the encoder's maps."""
        image: Tensor
        first, *blocks = self.values()
        x, image = first(maps[0], maps[1], None)
        for block, kept in zip(blocks, maps[2:], strict=True):
            x, image = block(x, kept, image)
        return image


class SynthesisBlock(nn.Module):
    """Doubles the size to `size`, joins the encoder's map, and adds its part to the picture; at `size` 0 it stays."""

    def __init__(self, channels_in: int, channels_out: int, size: int) -> None:
        super().__init__()
        self.conv1 = SplitConvolution(channels_in, channels_out, up=bool(size), noise=size)
        self.conv2 = SplitConvolution(channels_out, channels_out, noise=size)
        self.torgb = nn.Conv2d(channels_out, 3, 1)
        self.upsample = Doubling(3, size) if size else None

    def forward(self, x: Tensor, kept: Tensor, image: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features B x C x H x W, the encoder's map at the new size, the picture so far; gives features and picture."""
        x = self.conv2(self.conv1(x) + kept)
        part: Tensor = self.torgb(x)
        return x, part if image is None or self.upsample is None else part.add_(self.upsample(image))


class SplitConvolution(nn.Module):
    """Each channel alone (3x3), activated; halved if `down`; all channels (1x1); doubled if `up`; noise; activated.

    noise: the side of the noise map that lies in the checkpoint, and of the result; 0: there is none.
    """

    noise_const: Tensor

    def __init__(
        self, channels_in: int, channels_out: int, *, down: bool = False, up: bool = False, noise: int = 0
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in)
        self.conv2 = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.downsample = Halving(channels_in) if down else None
        self.upsample = Doubling(channels_out, noise) if up else None
        self.noisy = noise > 0
        if self.noisy:
            self.noise_strength = nn.Parameter(torch.empty(()))
            self.register_buffer("noise_const", torch.empty(noise, noise))

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C' x H x W, or half or twice H and W."""
        x = activate(self.conv1(x))
        if self.downsample is not None:
            x = self.downsample(x)
        x = self.conv2(x)
        if self.upsample is not None:
            x = self.upsample(x)
        if self.noisy:
            x = x.add_(self.noise_const * self.noise_strength)
        return activate(x)


class Halving(nn.Module):
    """A 4x4 low-pass filter, which the checkpoint holds for each channel, at every other pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(channels, channels, 4, stride=2, padding=1, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C x H/2 x W/2."""
        halved: Tensor = self.filter(x)
        return halved


class Doubling(nn.Module):
    """Three zeros for each pixel (at its right, below and between), then a 4x4 low-pass filter.

    The filter is the checkpoint's.  So is a map of where the pixels stand, `filter_const`, which is known beforehand:
    `misplaced` says of one that is another.  The zeros are left out here: each of the four pixels of the result is a
    sum over the 2x2 pixels that the filter finds at its place.
    """

    filter_const: Tensor

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(channels, channels, 4, groups=channels, bias=False)
        self.register_buffer("filter_const", torch.empty(1, 1, size, size))

    def misplaced(self) -> bool:
        """Whether the checkpoint places pixels elsewhere than at even rows and columns."""
        expected = torch.zeros_like(self.filter_const)
        expected[..., ::2, ::2] = 1
        return not torch.equal(self.filter_const, expected)

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x C x 2H x 2W."""
        channels = x.shape[1]
        kernel = self.filter.weight.flip(2, 3)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2, times sqrt(2), held within the clamp; in place."""
    return F.leaky_relu_(x, 0.2).mul_(math.sqrt(2)).clamp_(-CLAMP, CLAMP)


def _sizes(size: int) -> list[int]:
    """4, 8, ... up to `size`."""
    return [SMALLEST << k for k in range(int(math.log2(size // SMALLEST)) + 1)]


def _width(size: int) -> int:
    """Channels of the feature maps of a size."""
    return min(32768 // size, 512)
