"""Noiseprint++: the camera's noise residual, which a forged region breaks (Guillaro et al., CVPR 2023, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from safebench.models.toolbox.strips import by_strips

WIDTH = 64
LEVELS = 17


class NoiseprintPP(nn.Sequential):
    """17 convolutions of 3x3, the middle 15 with batch norm; the positions are those of the published state dict."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [nn.Conv2d(3, WIDTH, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(LEVELS - 2):
            conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)]
        super().__init__(*layers, nn.Conv2d(WIDTH, 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """`over_256` pictures, B x 3 x H x W, to their residual around 0, B x 1 x H x W.

        The published weights are badly conditioned: rounding moves the residual by up to 4e-4 (its deviation is 0.1).
        So pictures go through one by one, since a batch rounds otherwise than its pictures alone, and never in TF32.
        Large ones are taken by strips.
        """
        with torch.backends.cudnn.flags(allow_tf32=False):
            return torch.cat([by_strips(self._residual, picture[None], radius=LEVELS)[0] for picture in pictures])

    def _residual(self, x: Tensor) -> tuple[Tensor]:
        for layer in self:
            x = layer(x)
        return (x,)


def over_256(images: Tensor) -> Tensor:
    """Images in [0, 1] as the authors scale them: their 8-bit levels over 256, not 255."""
    return images.mul(255).round_().div_(256)
