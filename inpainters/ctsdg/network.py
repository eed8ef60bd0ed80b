"""CTSDG's generator: texture and structure, each decoded from the other's code, then fused (Guo et al., 2021).

Submodules are named as in the published state dict.  The two projection heads which that dict also holds serve
the training losses alone and are left out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Aggregation, GatedFusion, PartialConv

LEVELS = 7
CODED = (64, 128, 256, 512, 512, 512, 512)
"""Channels of both encoders after levels 1 to 7."""
DECODED = (64, 64, 128, 256, 512, 512, 512, 512)
"""Channels of both decoders after levels 1 to 7, then those of the code that they start from."""
KERNELS = (7, 5, 5, 3, 3, 3, 3)
INPUTS = {"texture": 3, "structure": 2}
Known = tuple[Tensor, Tensor]
"""Features B x C x h x w and their mask B x 1 x h x w, 1 = known."""


class Generator(nn.Module):
    """Two encoders, two decoders that cross over, fusion, attention, head."""

    def __init__(self) -> None:
        super().__init__()
        for stream, inputs in INPUTS.items():
            coded = (inputs, *CODED)
            for level in range(1, LEVELS + 1):
                coder = PartialConv((coded[level - 1],), coded[level], KERNELS[level - 1], down=True, norm=level > 1)
                decoder = PartialConv((DECODED[level], coded[level - 1]), DECODED[level - 1], 3, down=False)
                self.add_module(f"ec_{stream}_{level}", coder)
                self.add_module(f"dc_{stream}_{level}", decoder)
        self.bigff = GatedFusion(64)
        self.fusion_layer1 = nn.Sequential(nn.Conv2d(128, 64, 3, stride=2, padding=1), nn.LeakyReLU(0.2))
        self.cfa = Aggregation(64)
        self.fusion_layer2 = nn.Sequential(nn.Conv2d(128, 64, 3, padding=1), nn.LeakyReLU(0.2))
        self.out_layer = nn.Sequential(nn.Conv2d(192, 3, 1), nn.Tanh())

    def forward(self, image: Tensor, structure: Tensor, mask: Tensor) -> Tensor:
        """The whole picture, B x 3 x H x W in [-1, 1].

        image: B x 3 x H x W in [-1, 1]; structure: B x 2 x H x W, edges and grey in [0, 1]; both 0 in the hole;
        mask: B x 1 x H x W, 1 = known.  H and W are multiples of 128.
        """
        textures = self._encode("texture", image, mask)
        structures = self._encode("structure", structure, mask)
        texture = self._decode("texture", structures[-1], textures)
        fused = self.bigff(texture, self._decode("structure", textures[-1], structures))
        context = self.fusion_layer1(fused)
        context = self.fusion_layer2(torch.cat([context, self.cfa(context)], dim=1))
        picture: Tensor = self.out_layer(torch.cat([_double(context), fused], dim=1))
        return picture

    def _encode(self, stream: str, features: Tensor, mask: Tensor) -> list[Known]:
        """The input itself and the seven levels of an encoder."""
        levels = [(features, mask)]
        for level in range(1, LEVELS + 1):
            features, mask = self.get_submodule(f"ec_{stream}_{level}")((features,), (mask,))
            levels.append((features, mask))
        return levels

    def _decode(self, stream: str, code: Known, skips: list[Known]) -> Tensor:
        """From the other stream's code up to full size, with the own stream's skips."""
        features, mask = code
        for level in range(LEVELS, 0, -1):
            skip, skip_mask = skips[level - 1]
            mask = F.interpolate(mask, scale_factor=2, mode="nearest")
            layer = self.get_submodule(f"dc_{stream}_{level}")
            features, mask = layer((_double(features), skip), (mask, skip_mask))
        return features


def _double(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
