"""How strong a photo's grain is from place to place, told by its residuals."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .filling import fill_smoothly

RESIDUAL_FLOOR = 0.5 / 255**2
"""Energy that rounding to 8 bit may hide, so that it is not imitated."""
UNIT = 0.12
"""The residual, of pictures in [0, 1], for which the noise keeps its strength; about that of a textured photo."""
WINDOW = 15
"""Pixels a side over which a residual's energy is averaged before it is carried into the hole."""


def laplacian(images: Tensor) -> Tensor:
    """The sum of a pixel's four neighbours less four times itself: B x C x H x W to the same, replicated at borders."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    around = padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
    return around - 4 * images


def grain_level(images: Tensor, masks: Tensor) -> Tensor:
    """How strong the residuals of the known pixels are, carried smoothly into the hole; in units of `UNIT`.

    images: B x 3 x H x W in [0, 1]; masks: B x 1 x H x W, 1 = hole.  Returns float32 B x 1 x H x W.  Residuals that
    would need a pixel of the hole are left out.  Their logarithms are carried, so that an edge beside the hole counts
    for little.  Where no residual is left at all, 1.
    """
    energies = laplacian(images.float()).square().mean(1, keepdim=True)
    seen = 1 - F.max_pool2d(masks.float(), 3, stride=1, padding=1)
    share = F.avg_pool2d(seen, WINDOW, stride=1, padding=WINDOW // 2)
    mean = F.avg_pool2d(energies * seen, WINDOW, stride=1, padding=WINDOW // 2) / share.clamp(min=1e-6)
    levels = torch.log(mean + RESIDUAL_FLOOR) / 2 - math.log(UNIT)
    return fill_smoothly(levels, 1 - seen).exp()
