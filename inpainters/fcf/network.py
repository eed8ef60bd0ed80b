"""The generator of FcF (Jain et al., WACV 2023): a co-modulated StyleGAN2 with Fourier blocks.

An encoder boils the erased picture down to one vector and hands its feature maps on; the synthesis network is
modulated by that vector and by a mapped random one, and joins the encoder's maps at every resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._fourier import FourierBlock
from .._stylegan import LATENT, Convolution, Dense, EncoderBlock, ModulatedConvolution, ToRGB, upsample

SUMMARY = 1024
"""Numbers in the encoder's vector."""
STYLES = LATENT + SUMMARY
FIRST_FOURIER = 32
"""Blocks from this size on hold a Fourier block."""
TRUNCATION = 0.1
"""The authors' psi: w = w_avg + psi (mapped - w_avg)."""


class Generator(nn.Module):
    """The network for square pictures of `size` pixels, 256 or 512; the keys are the published checkpoint's."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.encoder = Encoder(size)
        self.mapping = Mapping()
        self.synthesis = Synthesis(size)

    def forward(self, images: Tensor, masks: Tensor, z: Tensor, noise: Tensor) -> Tensor:
        """The whole picture, B x 3 x size x size, nominally in [-1, 1] but not clipped.

        images: B x 3 x size x size in [-1, 1]; masks: B x 1 x size x size, 1 = hole, blanked here to 0 (grey);
        z: 1 x 512 and noise: 1 x 1 x 4 x 4, standard normal draws, the same for each picture of the batch.
        """
        x = torch.cat([0.5 - masks, images * (1 - masks)], dim=1)
        summary, maps = self.encoder(x)
        w = self.mapping(z).expand(len(images), -1)
        return self.synthesis(torch.cat([w, summary], dim=1), summary, maps, noise)


class Mapping(nn.Module):
    """From z (1 x 512) to w, truncated towards its mean."""

    w_avg: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fc0 = Dense(LATENT, LATENT, rate=0.01)
        self.fc1 = Dense(LATENT, LATENT, rate=0.01)
        self.register_buffer("w_avg", torch.empty(LATENT))

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        unit = z / (z.square().mean() + 1e-8).sqrt()
        mapped: Tensor = self.fc1(self.fc0(unit))
        return self.w_avg + TRUNCATION * (mapped - self.w_avg)


class Encoder(nn.ModuleDict):
    """Blocks `b256` to `b8`, each of which halves the size, and `b4`, which makes the vector."""

    def __init__(self, size: int) -> None:
        sizes = _sizes(size)[:0:-1]
        blocks = {
            f"b{s}": EncoderBlock(_width(s, size), _width(s // 2, size), first=s == size, idle_filter=True)
            for s in sizes
        }
        super().__init__({**blocks, "b4": EncoderEnd(_width(4, size))})

    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """From B x 4 x size x size to B x 1024, and the feature map of each block by the block's name."""
        maps = {}
        for name, block in self.items():
            x, maps[name] = block(x)
        return x, maps


class EncoderEnd(nn.Module):
    """A convolution at 4x4, then the vector of the whole picture.

    The convolution's last input channel held the deviation over a batch of pictures while the network was trained.
    The authors run it on one picture, where that is sqrt(0 + 1e-8); it is the same here for any batch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Convolution(channels + 1, channels, 3)
        self.fc = Dense(channels * 4 * 4, SUMMARY)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """B x C x 4 x 4 to B x 1024, and the map to join, B x C x 4 x 4."""
        kept = self.conv(F.pad(x, (0, 0, 0, 0, 0, 1), value=1e-4))
        return self.fc(kept.flatten(1)), kept


class Synthesis(nn.ModuleDict):
    """`foreword` at 4x4, and blocks `b8` to `b256` (or `b512`), each of which doubles the size."""

    def __init__(self, size: int) -> None:
        sizes = _sizes(size)[1:]
        blocks = {f"b{s}": SynthesisBlock(_width(s // 2, size), _width(s, size), s) for s in sizes}
        super().__init__({"foreword": Foreword(_width(4, size)), **blocks})

    def forward(self, styles: Tensor, summary: Tensor, maps: dict[str, Tensor], noise: Tensor) -> Tensor:
        """The picture, B x 3 x size x size, of the styles B x 1536, the encoder's vector and its maps."""
        foreword, *names = self
        x, image = self[foreword](styles, summary, maps["b4"], noise)
        for name in names:
            x, image = self[name](x, image, styles, maps[name])
        return image


class Foreword(nn.Module):
    """The 4x4 features, unfolded from the encoder's vector."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = Dense(SUMMARY, channels * 4 * 4)
        self.conv = ModulatedConvolution(channels, channels, STYLES, 4, clamp=None)
        self.torgb = ToRGB(channels, STYLES, clamp=None)

    def forward(self, styles: Tensor, summary: Tensor, skip: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Features B x C x 4 x 4 and picture B x 3 x 4 x 4."""
        x = self.fc(summary).view_as(skip) + skip
        x = self.conv(x, styles, noise)
        return x, self.torgb(x, styles)


class SynthesisBlock(nn.Module):
    """Doubles the size, joins the encoder's map, and adds to the picture."""

    resample_filter: Tensor

    def __init__(self, channels_in: int, channels_out: int, size: int) -> None:
        super().__init__()
        self.conv0 = ModulatedConvolution(channels_in, channels_out, STYLES, size, up=True)
        self.ffc_skip = nn.ModuleList([FourierSkip(channels_out)] if size >= FIRST_FOURIER else [])
        self.conv1 = ModulatedConvolution(channels_out, channels_out, STYLES, size)
        self.torgb = ToRGB(channels_out, STYLES)
        self.register_buffer("resample_filter", torch.empty(4, 4))

    def forward(self, x: Tensor, image: Tensor, styles: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """Features B x C x H x W and picture B x 3 x H x W to those of twice the size."""
        x = self.conv0(x, styles)
        joined = x + skip
        for fourier in self.ffc_skip:
            joined = x + fourier(joined)
        x = self.conv1(joined, styles)
        return x, upsample(image, self.resample_filter) + self.torgb(x, styles)


class FourierSkip(nn.Module):
    """A Fourier block f without normalisation: y to f(y) + 3 y.

    The authors' code adds y within the block, around it, and once more.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local = channels // 4
        block = FourierBlock(self.local, channels - self.local, normalise=False, local_unit=True)
        self.ffc_act = nn.ModuleDict({"ffc_block": block})

    def forward(self, y: Tensor) -> Tensor:
        """B x C x H x W to the same; the first quarter of the channels is the local branch."""
        branches = y[:, : self.local], y[:, self.local :]
        return torch.cat(self.ffc_act["ffc_block"](branches), dim=1) + 2 * y


def _sizes(size: int) -> list[int]:
    """4, 8, ... size."""
    return [4 << k for k in range((size // 4).bit_length())]


def _width(at: int, size: int) -> int:
    """Channels at a resolution of the network for pictures of `size` pixels."""
    return min(64 * size // at, 512)
