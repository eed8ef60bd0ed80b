"""Pictures of any size for networks that want one size: what of a picture they see, and its way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from safebench.models.toolbox.padding import pad_symmetric

Fit = Literal["pad", "crop"]
CONTEXT = 1.5
"""The side of the part that `crop` takes, in lengths of the hole's longer side, where that is more than the size."""


@dataclass(frozen=True)
class Framed:
    """What a network sees of a picture.

    image, mask: 1 x 3 and 1 x 1 x h x w.  box: of the picture, the first row and column and their ends.  scaled: height
    and width of the box as it is seen, before the mirrored rows and columns at the bottom and right.
    """

    image: Tensor
    mask: Tensor
    box: tuple[int, int, int, int]
    scaled: tuple[int, int]

    def back(self, filled: Tensor, picture: Tensor) -> Tensor:
        """The picture (1 x 3 x H x W in [0, 1]) with its box as it was filled (1 x 3 x h x w)."""
        top, left, bottom, right = self.box
        seen = filled[..., : self.scaled[0], : self.scaled[1]]
        whole = picture.clone()
        whole[..., top:bottom, left:right] = _resized(seen, (bottom - top, right - left)).clamp(0, 1)
        return whole


def framed(image: Tensor, mask: Tensor, size: int, fit: Fit, multiple: int) -> Framed:
    """What a network is shown of a picture, 1 x 3 x H x W in [0, 1], with its mask, 1 x 1 x H x W, 1 = hole.

    size 0: all of it at its own size, mirrored at the bottom and right up to a `multiple`.
    fit `pad`: all of it, scaled until its longer side is `size`, mirrored likewise to a square of `size`.
    fit `crop`: the same of a square part around the hole: of `size`, or 1.5 times the hole's longer side where that is
    more, as far as the picture goes.
    """
    height, width = image.shape[-2:]
    box = _around(mask, size) if size and fit == "crop" else (0, 0, height, width)
    top, left, bottom, right = box
    image, mask = (x[..., top:bottom, left:right] for x in (image, mask))
    rows, columns = bottom - top, right - left
    scaled = (rows, columns)
    if size:
        scale = size / max(scaled)
        scaled = (max(1, round(rows * scale)), max(1, round(columns * scale)))
        image = _resized(image, scaled).clamp(0, 1)
        if scaled != (rows, columns):
            mask = F.adaptive_max_pool2d(mask, scaled)  # what is hole in part is hole
    image, mask = (pad_symmetric(x, size or multiple) for x in (image, mask))
    return Framed(image, mask, box, scaled)


def _around(mask: Tensor, size: int) -> tuple[int, int, int, int]:
    height, width = mask.shape[-2:]
    rows, columns = (torch.nonzero((mask[0, 0] > 0.5).any(dim)).flatten() for dim in (1, 0))
    if not len(rows):
        return 0, 0, height, width
    ends = [(int(places[0]), int(places[-1]) + 1) for places in (rows, columns)]
    side = max(size, math.ceil(CONTEXT * max(end - start for start, end in ends)))
    (top, bottom), (left, right) = (
        _centred(start, end, min(side, whole), whole) for (start, end), whole in zip(ends, (height, width), strict=True)
    )
    return top, left, bottom, right


def _centred(start: int, end: int, side: int, whole: int) -> tuple[int, int]:
    """`side` places of `whole` around the middle of start and end, moved inside where they leave it."""
    first = min(max((start + end - side) // 2, 0), whole - side)
    return first, first + side


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size, mode="bicubic", align_corners=False, antialias=True)
