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
AWAY = 0.08
"""The difference of colour that a distance of the picture's longer side counts as: what lies near is more alike."""
WORSE, SLACK = 3.0, 0.04
"""What is nearly as well: of `WORSE` times the nearest one's squared difference, and one of colours by `SLACK`."""
SOURCES = 4096
"""Most places of a picture that are looked at; of more, every second, third ... is."""
TARGETS = 4096
"""Patches that are compared at once, so that memory stays small for large pictures."""


def carry_texture(images: Tensor, masks: Tensor, guide: Tensor) -> Tensor:
    """What has to be added to a smooth painting for it to have the known region's detail.

    images: float32 B x 3 x H x W in [0, 1], whose hole is not looked at; masks: B x 1 x H x W, 1 = hole; guide: as
    images, known pixels and a painting of the hole; sides multiples of 4 and at least `PATCH`.  Returns B x 3 x H x W,
    0 outside the hole, and everywhere where no whole patch is known.

    The hole is laid out with patches; each gets the detail of the wholly known patch whose colours, smoothed, and place
    are nearest to its own, or of one that is nearly as near: so that it goes on with what its neighbour was cut from
    (`_continued`), and no patch lies side by side with itself (`_chosen`).  Where patches overlap, their sum is scaled
    so that the detail keeps its energy.
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
    painted = F.unfold(F.max_pool2d(holes, CELL), PATCH // CELL).amax(1) > 0

    places = torch.arange(painted.shape[-1], device=images.device).view(-1, (holes.shape[-1] - PATCH) // CELL + 1)
    looks = _looks(guide, places, max(height, width))
    grid = places[:: STEP // CELL, :: STEP // CELL]
    patches = images.new_zeros(len(images), *grid.shape, 3, PATCH, PATCH)
    offsets = torch.zeros_like(grid).repeat(len(images), 1, 1)
    for k, (picture, one, hidden) in enumerate(zip(detail, looks, painted, strict=True)):
        if hidden.all():
            continue
        chosen, wanted = _chosen(grid, places, one, hidden), hidden[grid]
        offsets[k], cut = chosen - grid, chosen[wanted]
        patches[k, wanted] = _cut(picture, CELL * (cut // places.shape[1]), CELL * (cut % places.shape[1]))
    return _laid(patches, offsets)[..., :height, :width] * masks


def _detail(images: Tensor, known: Tensor) -> Tensor:
    """Known pixels less what of them is smooth over about 4 pixels (the deviation of a Gaussian); 0 in the hole."""
    share = _mean(_mean(F.avg_pool2d(known, CELL)))
    smooth = _mean(_mean(F.avg_pool2d(images * known, CELL))) / share.clamp(min=1e-6)
    return (images - F.interpolate(smooth, scale_factor=CELL, mode="bilinear", align_corners=False)) * known


def _mean(cells: Tensor) -> Tensor:
    return F.avg_pool2d(cells, 3, stride=1, padding=1, count_include_pad=False)


def _looks(guide: Tensor, places: Tensor, side: int) -> Tensor:
    """What patches are compared by, B x places x features: the smoothed colours of their cells, and where they lie.

    A distance of `side` pixels counts as much as colours that differ by `AWAY` in every cell.
    """
    cells = PATCH // CELL
    colours = F.unfold(_mean(F.avg_pool2d(guide, CELL)), cells).transpose(1, 2)
    where = torch.stack([places // places.shape[1], places % places.shape[1]], dim=-1).view(1, -1, 2)
    scale = AWAY * math.sqrt(3) * cells * CELL / side
    return torch.cat([colours, scale * where.expand(len(guide), -1, -1)], dim=-1)


def _chosen(grid: Tensor, places: Tensor, looks: Tensor, hidden: Tensor) -> Tensor:
    """The numbers of the places that the patches on `grid` are cut from: rows x columns; their own where all is known.

    grid: rows x columns, the numbers of the places that the patches are laid on; places: all numbers, as they lie;
    looks: places x features; hidden: of each place, whether a part of it is painted.  Where the nearest lies beside the
    one that the patch to the left or above has, the nearest of another square is taken if it looks nearly as well.
    """
    wanted, sources = hidden[grid], (~hidden).nonzero()[:, 0]
    sources = sources[:: math.ceil(len(sources) / SOURCES)]
    squares = torch.arange(places.shape[0], device=grid.device)[:, None] // (STEP // CELL) % 2 * 2
    squares = (squares + torch.arange(places.shape[1], device=grid.device) // (STEP // CELL) % 2).flatten()
    nearest = grid.clone()
    nearest[wanted] = _nearest(grid[wanted], sources, looks)
    others = nearest.clone()
    for square in range(4):  # so that neighbours choose from different ones
        mine, theirs = wanted & (squares[grid] == square), sources[squares[sources] == square]
        if len(theirs):
            others[mine] = _nearest(grid[mine], theirs, looks)
    limits = WORSE * _apart(looks, nearest, grid) + 3 * (PATCH // CELL * SLACK) ** 2
    again = _repeated(nearest, places.shape[1]) & (_apart(looks, others, grid) <= limits)
    return _continued(torch.where(again, others, nearest), limits, grid, places, looks, hidden)


def _nearest(wanted: Tensor, sources: Tensor, looks: Tensor) -> Tensor:
    """Of each of the places `wanted`, the one of `sources` that looks most like it."""
    parts = [torch.cdist(looks[some], looks[sources]).argmin(1) for some in torch.split(wanted, TARGETS)]
    return sources[torch.cat(parts)]


def _repeated(chosen: Tensor, width: int) -> Tensor:
    """Whether a patch is cut from where the one to its left or above it is, or right beside that."""
    where = torch.stack([chosen // width, chosen % width], dim=-1)
    again = torch.zeros_like(chosen, dtype=torch.bool)
    again[:, 1:] |= ((where[:, 1:] - where[:, :-1]).abs() <= 1).all(-1)
    again[1:] |= ((where[1:] - where[:-1]).abs() <= 1).all(-1)
    return again


def _continued(chosen: Tensor, limits: Tensor, grid: Tensor, places: Tensor, looks: Tensor, hidden: Tensor) -> Tensor:
    """`chosen`, where each patch goes on with what the one above it, else to its left, was cut from, within `limits`.

    So what is copied is larger than a patch.
    """
    chosen, step = chosen.clone(), STEP // CELL
    known = torch.where(hidden[places], -1, places)
    for axis in (1, 0):
        after = torch.full_like(places, -1)
        after.narrow(axis, 0, places.shape[axis] - step).copy_(known.narrow(axis, step, places.shape[axis] - step))
        for k in range(1, chosen.shape[axis]):
            here, there, limit = (numbers.select(axis, k) for numbers in (chosen, grid, limits))
            going_on = after.flatten()[chosen.select(axis, k - 1)]
            may = (going_on >= 0) & hidden[there] & (_apart(looks, going_on.clamp(min=0), there) <= limit)
            here.copy_(torch.where(may, going_on, here))
    return chosen


def _apart(looks: Tensor, some: Tensor, others: Tensor) -> Tensor:
    return (looks[some] - looks[others]).square().sum(-1)


def _cut(picture: Tensor, tops: Tensor, lefts: Tensor) -> Tensor:
    """The patches of a picture C x H x W with these corners: N x C x PATCH x PATCH."""
    side = torch.arange(PATCH, device=picture.device)
    return picture[:, (tops[:, None] + side)[:, :, None], (lefts[:, None] + side)[:, None]].transpose(0, 1)


def _laid(patches: Tensor, offsets: Tensor) -> Tensor:
    """Patches B x rows x columns x 3 x PATCH x PATCH, faded, laid side by side, as strong as each was by itself.

    offsets: B x rows x columns; those that are equal where they touch hold the same detail where they overlap, so that
    their weights add up; of others, which are independent, the squares do.
    """
    fade = torch.hann_window(PATCH + 2, periodic=False, device=patches.device)[1:-1]
    single = fade.square()
    after = F.pad(fade[STEP:] * fade[: PATCH - STEP], (STEP, 0))  # the product with the next one's, as this one sees it
    energies = single[:, None] * single + 2 * (
        _same(offsets, 0, 1) * (single[:, None] * after)
        + _same(offsets, 1, 0) * (after[:, None] * single)
        + _same(offsets, 1, 1) * (after[:, None] * after)
        + _same(offsets, 1, -1) * (after[:, None] * after.roll(-STEP))
    )
    return _folded(patches * fade[:, None] * fade) / _folded(energies[:, :, :, None]).sqrt()


def _same(offsets: Tensor, down: int, right: int) -> Tensor:
    """1 for each patch whose neighbour, so far down and right, has its offset: B x rows x columns x 1 x 1."""
    same = (offsets == offsets.roll((-down, -right), (1, 2))).float()
    rows, columns = same.shape[1:]
    same[:, rows - down :] = 0
    same[:, :, columns - right :] = 0
    if right < 0:
        same[:, :, :-right] = 0
    return same[..., None, None]


def _folded(patches: Tensor) -> Tensor:
    """The sum of overlapping patches: B x channels x height x width."""
    rows, columns = patches.shape[1:3]
    size = (rows - 1) * STEP + PATCH, (columns - 1) * STEP + PATCH
    return F.fold(patches.flatten(3).flatten(1, 2).transpose(1, 2), size, PATCH, stride=STEP)
