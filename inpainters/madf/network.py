"""MADF: filters made from the mask, a coarse decoder and two that refine it (Zhu et al., 2021).

Submodules are named and numbered as in the published state dict: level 1 is the finest, level 7 the coarsest.
The batch norms which that dict also holds for the encoder (`enc_conv_*`) have no counterpart here: the authors'
forward pass never applies them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEVELS = 7
MASK_WIDTH = 16
"""Channels of the mask features."""
INPUT = 6
"""Channels of the network's input: the masked picture and the mask, three times."""
NARROW = (INPUT, 16, 32, 64, 128, 128, 128, 128)
"""Channels of the image branch after each level, the input first."""
SKIP = (INPUT, 64, 128, 256, 512, 512, 512, 512)
"""Channels of the skips h_0 to h_7."""
DECODED = (3, 64, 128, 256, 512, 512, 512)
"""Channels that every decoder's levels 1 to 7 put out."""
KERNEL = (7, 5, 3, 3, 3, 3, 3)
GUIDE_WIDTH = 128


class MaskAwareFilters(nn.Module):
    """One level of the encoder: each output pixel has its own filters, predicted from the mask.

    The filters of a pixel are an affine function of its 16 mask features.  So the result is a plain convolution
    (with the function's constant part) plus 16 more, each weighted per pixel by a mask feature; the filters of
    all pixels, gigabytes at 512 x 512, are never made.
    """

    def __init__(self, mask_channels: int, channels: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.shape = (channels, kernel, kernel, outputs)
        self.padding = kernel // 2
        down = nn.Conv2d(mask_channels, MASK_WIDTH, kernel, stride=2, padding=self.padding)
        self.conv = nn.Sequential(down, nn.ReLU(inplace=True))
        self.conv1 = nn.Sequential(nn.Conv2d(MASK_WIDTH, channels * kernel**2 * outputs, 1))

    def filters(self) -> Tensor:
        """The convolutions' weights, 17 x O for each of C x k x k: the constant part first, then one a feature."""
        weight, bias = self.conv1.parameters()
        parts = torch.cat([bias[:, None], weight.flatten(1)], dim=1)
        bank = parts.view(*self.shape, MASK_WIDTH + 1).permute(4, 3, 0, 1, 2)
        return bank.flatten(0, 1).contiguous()

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Image features B x C x H x W and mask features at the same size to the next level's, at half the size."""
        mask = self.conv(mask)
        parts = F.conv2d(features, self.filters(), stride=2, padding=self.padding)
        parts = parts.view(len(parts), MASK_WIDTH + 1, -1, *parts.shape[2:])
        return F.relu(parts[:, 0] + (parts[:, 1:] * mask[:, :, None]).sum(dim=1)), mask


class GuidedNorm(nn.Module):
    """Batch norm whose scale and shift are maps, predicted from a guide."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.batch_norm = nn.BatchNorm2d(channels, affine=False)
        self.mlp_shared = nn.Sequential(nn.Conv2d(channels, GUIDE_WIDTH, 3, padding=1), nn.ReLU(inplace=True))
        self.mlp_scale = nn.Conv2d(GUIDE_WIDTH, channels, 3, padding=1)
        self.mlp_bias = nn.Conv2d(GUIDE_WIDTH, channels, 3, padding=1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """x and guide: B x C x h x w; the result has that shape too."""
        shared = self.mlp_shared(guide)
        normed: Tensor = self.batch_norm(x) * (1 + self.mlp_scale(shared)) + self.mlp_bias(shared)
        return normed


class Refinement(nn.Module):
    """One level of a refinement decoder."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(channels, outputs, 4, stride=2, padding=1)
        self.bn = GuidedNorm(outputs)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """x: B x C x h x w, guide: B x O x 2h x 2w; returns the guide's shape."""
        return F.leaky_relu(self.bn(self.deconv(x), guide), 0.2)


class SkipConv(nn.Module):
    """Joins a level of the coarse decoder with its skip."""

    def __init__(self, channels: int, outputs: int, activated: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(channels, outputs, 3, padding=1))
        if activated:
            self.conv.append(nn.ReLU(inplace=True))

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """Both B x ... x h x w, the skip first; returns B x O x h x w."""
        joined: Tensor = self.conv(torch.cat([skip, x], dim=1))
        return joined


class MADF(nn.ModuleDict):
    """The whole network: mask and image encoders, coarse decoder, two refinement decoders."""

    def __init__(self) -> None:
        parts: dict[str, nn.Module] = {}
        for level in range(1, LEVELS + 1):
            above, outputs = DECODED[level] if level < LEVELS else SKIP[LEVELS], DECODED[level - 1]
            narrow = NARROW[level]
            mask_channels = 3 if level == 1 else MASK_WIDTH
            parts[f"filter_gen_{level}"] = MaskAwareFilters(mask_channels, NARROW[level - 1], narrow, KERNEL[level - 1])
            parts[f"enc_up_{level}"] = nn.Sequential(nn.Conv2d(narrow, SKIP[level], 1), nn.ReLU(inplace=True))
            parts[f"deconv_{level}"] = _deconv(above, outputs, activated=level > 1)
            parts[f"att_conv_{level}"] = SkipConv(SKIP[level - 1] + outputs, outputs, activated=level > 1)
            for stage in (0, 1):
                last = nn.Conv2d(above + 3 * (stage + 1) + INPUT, 3, 1)
                parts[f"dec_ref{stage}_{level}"] = Refinement(above, outputs) if level > 1 else last
        super().__init__(parts)

    def forward(self, image: Tensor, mask: Tensor) -> list[Tensor]:
        """The three pictures, coarse to fine, in the normalised range.

        image: B x 3 x H x W, normalised, 0 in the hole; mask: B x 1 x H x W, 1 = known.  H and W are multiples
        of 128.  The last picture is the network's answer.
        """
        skips = self.encode(image, mask)
        guides = self._decode(skips)
        pictures = [guides[0]]
        for stage in (0, 1):
            guides = self._refine(stage, skips, guides, pictures)
            pictures.append(guides[0])
        return pictures

    def encode(self, image: Tensor, mask: Tensor) -> list[Tensor]:
        """The skips h_0 (the input itself) to h_7."""
        mask = mask.expand(-1, 3, -1, -1)
        features = torch.cat([image, mask], dim=1)
        skips = [features]
        for level in range(1, LEVELS + 1):
            features, mask = self[f"filter_gen_{level}"](features, mask)
            skips.append(self[f"enc_up_{level}"](features))
        return skips

    def _decode(self, skips: list[Tensor]) -> list[Tensor]:
        """The coarse decoder's maps of levels 1 (its picture) to 7."""
        maps: list[Tensor] = []
        x = skips[-1]
        for level in range(LEVELS, 0, -1):
            x = self[f"att_conv_{level}"](skips[level - 1], self[f"deconv_{level}"](x))
            maps.insert(0, x)
        return maps

    def _refine(self, stage: int, skips: list[Tensor], guides: list[Tensor], pictures: list[Tensor]) -> list[Tensor]:
        """A refinement decoder's maps of levels 1 (its picture) to 7, guided by the maps of the decoder before."""
        maps: list[Tensor] = []
        x = skips[-1]
        for level in range(LEVELS, 1, -1):
            x = self[f"dec_ref{stage}_{level}"](x, guides[level - 1])
            maps.insert(0, x)
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return [self[f"dec_ref{stage}_1"](torch.cat([x, *pictures, skips[0]], dim=1)), *maps]


def _deconv(channels: int, outputs: int, activated: bool) -> nn.Sequential:
    up = nn.ConvTranspose2d(channels, outputs, 4, stride=2, padding=1)
    return (
        nn.Sequential(up, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)) if activated else nn.Sequential(up)
    )
