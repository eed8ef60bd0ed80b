"""The fine detail that preset `safebench` hands to G2: copied from known places that look like what G1 painted."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

CELL = 4
"""Pixels a side of the cells on which places are compared."""
PATCH = 16
"""Pixels a side of what is copied at once."""
STEP = 12
"""Pixels between one patch and the next: the 4 by which they overlap are faded."""
SOURCES = 4096
"""Most places of a picture that are looked at; of more, every second, third ... is."""
TARGETS = 4096
"""Patches that are compared at once, so that memory stays small for large pictures."""


def carry_texture(images: Tensor, masks: Tensor, guide: Tensor) -> Tensor:
    """What has to be added to a smooth painting for it to have the known region's detail.

    images: float32 B x 3 x H x W in [0, 1], whose hole is not looked at; masks: B x 1 x H x W, 1 = hole; guide: as
    images, known pixels and a painting of the hole; sides multiples of 4 and at least `PATCH`.  Returns B x 3 x H x W,
    0 outside the hole, and everywhere where no whole patch is known.

    The hole is laid out with patches; each gets the detail of the wholly known patch whose colours, smoothed, are
    nearest to its own.  Where patches overlap, their sum is scaled so that independent ones keep their energy.
    """
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        return _carried(images.float(), masks.float(), guide.float())


def _carried(images: Tensor, masks: Tensor, guide: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    rows, columns = (math.ceil((side - PATCH) / STEP) + 1 for side in (height, width))
    beyond = (0, (columns - 1) * STEP + PATCH - width, 0, (rows - 1) * STEP + PATCH - height)
    images, guide = (F.pad(pictures, beyond, mode="replicate") for pictures in (images, guide))
    holes = F.pad(masks, beyond, value=1.0)
    detail = _detail(images, 1 - holes)
    looks = F.unfold(_mean(F.avg_pool2d(guide, CELL)), PATCH // CELL)
    painted = F.unfold(F.max_pool2d(holes, CELL), PATCH // CELL).amax(1) > 0

    places = torch.arange(looks.shape[-1], device=images.device).view(-1, (holes.shape[-1] - PATCH) // CELL + 1)
    grid = places[:: STEP // CELL, :: STEP // CELL].flatten()
    patches = images.new_zeros(len(images), len(grid), 3, PATCH, PATCH)
    for picture, one, hidden, filled in zip(detail, looks, painted, patches, strict=True):
        sources, wanted = (~hidden).nonzero()[:, 0], hidden[grid]
        if not len(sources):
            continue
        sources = sources[:: math.ceil(len(sources) / SOURCES)]
        nearest = sources[_nearest(one.T[grid[wanted]], one.T[sources])]
        filled[wanted] = _cut(picture, CELL * (nearest // places.shape[1]), CELL * (nearest % places.shape[1]))
    return _laid(patches, rows, columns)[..., :height, :width] * masks


def _detail(images: Tensor, known: Tensor) -> Tensor:
    """Known pixels less what of them is smooth over about 4 pixels (the deviation of a Gaussian); 0 in the hole."""
    share = _mean(_mean(F.avg_pool2d(known, CELL)))
    smooth = _mean(_mean(F.avg_pool2d(images * known, CELL))) / share.clamp(min=1e-6)
    return (images - F.interpolate(smooth, scale_factor=CELL, mode="bilinear", align_corners=False)) * known


def _mean(cells: Tensor) -> Tensor:
    return F.avg_pool2d(cells, 3, stride=1, padding=1, count_include_pad=False)


def _nearest(wanted: Tensor, sources: Tensor) -> Tensor:
    """For each row of `wanted`, the number of the row of `sources` that lies nearest."""
    return torch.cat([torch.cdist(some, sources).argmin(1) for some in torch.split(wanted, TARGETS)])


def _cut(picture: Tensor, tops: Tensor, lefts: Tensor) -> Tensor:
    """The patches of a picture C x H x W with these corners: N x C x PATCH x PATCH."""
    side = torch.arange(PATCH, device=picture.device)
    return picture[:, (tops[:, None] + side)[:, :, None], (lefts[:, None] + side)[:, None]].transpose(0, 1)


def _laid(patches: Tensor, rows: int, columns: int) -> Tensor:
    """B x (rows * columns) x 3 x PATCH x PATCH laid side by side."""
    fade = torch.hann_window(PATCH + 2, periodic=False, device=patches.device)[1:-1]
    weights = fade[:, None] * fade
    size = (rows - 1) * STEP + PATCH, (columns - 1) * STEP + PATCH
    together = F.fold((patches * weights).flatten(2).transpose(1, 2), size, PATCH, stride=STEP)
    energy = F.fold(weights.square().flatten()[None, :, None].expand(-1, -1, rows * columns), size, PATCH, stride=STEP)
    return together / energy.sqrt()
