"""Padding for networks that take multiples of some number of pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def pad_symmetric(images: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Mirror the bottom and right edges of B x C x H x W until both sides are a multiple of `multiple`.

    The edge pixel itself is repeated first (numpy's mode "symmetric"), and mirrored again where one mirror image
    is not enough.  `least`, itself such a multiple, is the smallest side of the result.
    """
    for dim in (-2, -1):
        side = images.shape[dim]
        target = max(least, -(-side // multiple) * multiple)
        if target > side:
            place = torch.arange(target, device=images.device) % (2 * side)
            images = images.index_select(dim, torch.minimum(place, 2 * side - 1 - place))
    return images
