"""The generator of CoModGAN (Zhao et al., ICLR 2021), as the authors of MI-GAN trained and published it.

An encoder boils the erased picture down to one vector and hands its feature maps on; a StyleGAN2 is modulated by that
vector and by a mapped random one, and adds the encoder's map at every resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .._stylegan import (
    CLAMP,
    LATENT,
    Convolution,
    Dense,
    EncoderBlock,
    Mapping,
    ModulatedConvolution,
    ToRGB,
    upsample,
)

SUMMARY = 1024
"""Numbers in the encoder's vector."""
STYLES = LATENT + SUMMARY


class Generator(nn.Module):
    """The network for square pictures of `size` pixels, 256 or 512; the keys are the published checkpoint's."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.mapping = Mapping(CLAMP)
        self.synthesis = Synthesis(size)
        self.encoder = Encoder(size)

    def forward(self, images: Tensor, masks: Tensor, z: Tensor) -> Tensor:
        """The whole picture, B x 3 x size x size, nominally in [-1, 1] but not clipped.

        images: B x 3 x size x size in [-1, 1]; masks: B x 1 x size x size, 1 = hole, blanked here to 0 (grey);
        z: 1 x 512, standard normal draws, the same for each picture of the batch.
        """
        summary, maps = self.encoder(torch.cat([0.5 - masks, images * (1 - masks)], dim=1))
        styles = torch.cat([self.mapping(z).expand(len(images), -1), summary], dim=1)
        picture: Tensor = self.synthesis(styles, summary, maps)
        return picture


class Encoder(nn.ModuleDict):
    """Blocks `b256` (or `b512`) to `b8`, each of which halves the size, and `b4`, which makes the vector."""

    def __init__(self, size: int) -> None:
        sizes = _sizes(size)[:0:-1]
        blocks = {f"b{s}": EncoderBlock(_width(s), _width(s // 2), first=s == size, idle_filter=False) for s in sizes}
        super().__init__({**blocks, "b4": EncoderEnd(_width(4))})

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """From B x 4 x size x size to B x 1024, and the feature map of each block, the smallest first."""
        maps: list[Tensor] = []
        for block in self.values():
            x, kept = block(x)
            maps.insert(0, kept)
        return x, maps


class EncoderEnd(nn.Module):
    """A convolution at 4x4, then the vector of the whole picture; the authors' dropout plays no part in inference."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Convolution(channels, channels, 3, idle_filter=False)
        self.fc = Dense(channels * 4 * 4, SUMMARY, clamp=CLAMP)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """B x C x 4 x 4 to B x 1024, and the map to join, B x C x 4 x 4."""
        kept = self.conv(x)
        return self.fc(kept.flatten(1)), kept


class Synthesis(nn.ModuleDict):
    """`b4`, and blocks `b8` to `b256` (or `b512`), each of which doubles the size."""

    def __init__(self, size: int) -> None:
        blocks = {f"b{s}": SynthesisBlock(_width(s // 2), _width(s), s) for s in _sizes(size)[1:]}
        super().__init__({"b4": SynthesisStart(_width(4)), **blocks})

    def forward(self, styles: Tensor, summary: Tensor, maps: list[Tensor]) -> Tensor:
        """The picture, B x 3 x size x size, of the styles B x 1536, the encoder's vector and its maps."""
        start, *blocks = self.values()
        x, image = start(styles, summary, maps[0])
        for block, kept in zip(blocks, maps[1:], strict=True):
            x, image = block(x, image, styles, kept)
        return image


class SynthesisStart(nn.Module):
    """The 4x4 features, unfolded from the encoder's vector."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = Dense(SUMMARY, channels * 4 * 4, clamp=CLAMP)
        self.conv = ModulatedConvolution(channels, channels, STYLES, 4, biased=True)
        self.torgb = ToRGB(channels, STYLES, clamp=None)

    def forward(self, styles: Tensor, summary: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Features B x C x 4 x 4 and picture B x 3 x 4 x 4."""
        x = self.conv(self.fc(summary).view_as(kept) + kept, styles)
        return x, self.torgb(x, styles)


class SynthesisBlock(nn.Module):
    """Doubles the size, adds the encoder's map, and adds to the picture."""

    resample_filter: Tensor

    def __init__(self, channels_in: int, channels_out: int, size: int) -> None:
        super().__init__()
        self.conv0 = ModulatedConvolution(channels_in, channels_out, STYLES, size, up=True, biased=True)
        self.conv1 = ModulatedConvolution(channels_out, channels_out, STYLES, size, biased=True, idle_filter=False)
        self.torgb = ToRGB(channels_out, STYLES, clamp=None)
        self.register_buffer("resample_filter", torch.empty(4, 4))

    def forward(self, x: Tensor, image: Tensor, styles: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Features B x C x H x W and picture B x 3 x H x W to those of twice the size."""
        x = self.conv1(self.conv0(x, styles) + kept, styles)
        return x, upsample(image, self.resample_filter) + self.torgb(x, styles)


def _sizes(size: int) -> list[int]:
    """4, 8, ... size."""
    return [4 << k for k in range((size // 4).bit_length())]


def _width(at: int) -> int:
    """Channels at a resolution."""
    return min(32768 // at, 512)
