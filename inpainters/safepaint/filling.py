"""The start of preset `safebench`: known colours carried smoothly into the hole."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

SWEEPS = 8
"""Relaxation sweeps on each level: enough to lose the blocks of the level below."""


def fill_smoothly(images: Tensor, masks: Tensor) -> Tensor:
    """Fill holes by interpolation over a pyramid (pull-push), near to the solution of Laplace's equation.

    images: float32 B x C x H x W; masks: B x 1 x H x W, 1 = hole; of any size.  Returns images with the hole filled;
    known pixels as they were, and nothing of the hole's content used.  A picture that is all hole becomes 0.
    Pull: each level averages the known pixels of 2 x 2 of the level below.  Push: a cell without any takes what lies
    there one level up, then sweeps of averaging over the four neighbours take the steps out.
    """
    known = 1 - masks
    return _filled(images * known, known)


def _filled(values: Tensor, known: Tensor) -> Tensor:
    """values: colours where `known` is 1 and 0 elsewhere."""
    height, width = values.shape[-2:]
    if height == 1 and width == 1:
        return values
    share = F.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    mean = F.avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False) / share.clamp(min=1e-6)
    coarse = _filled(mean, (share > 0).to(known.dtype))
    filled = values + (1 - known) * F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    for _ in range(SWEEPS):
        filled = values + (1 - known) * _neighbours(filled)
    return filled


def _neighbours(values: Tensor) -> Tensor:
    padded = F.pad(values, (1, 1, 1, 1), mode="replicate")
    return (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]) / 4
