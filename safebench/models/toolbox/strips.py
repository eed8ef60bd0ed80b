"""Convolutions over large pictures, strip by strip, with the answer that they give of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

PIXELS = 1 << 20
"""A strip's pixels, context not counted; smaller pictures are taken whole (`doubled`: those of a quarter)."""


def cuts(height: int, width: int, step: int = 1) -> Iterator[tuple[int, int]]:
    """First row and end of each strip of a picture; every first row is a multiple of `step`.

    They are about equally high: torch convolves small tensors (up to 20,480 numbers) by other code, which rounds
    otherwise, and no strip is to be one for being what is left over.
    """
    most = max(PIXELS // width // step, 1)
    strips = -(-height // (most * step))
    rows = -(-height // (strips * step)) * step
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


def by_strips(
    layers: Callable[[Tensor], Sequence[Tensor]], x: Tensor, *, radius: int, strides: Sequence[int] = (1,)
) -> list[Tensor]:
    """What `layers(x)` gives, computed strip by strip, so that only its results are ever held whole.

    x: B x C x H x W.  layers: convolutions with zero padding, pointwise layers, and nothing that looks further than
    `radius` rows or at the picture's size; its results have 1/stride of the rows, rounded up, for each of `strides`.
    Each strip is given `radius` rows more above and below, and their results are cut off, so the answer is that of the
    whole picture but for rounding.
    """
    height, step = x.shape[2], max(strides)
    if len(places := list(cuts(height, x.shape[3], step))) == 1:
        return list(layers(x))
    margin = -(-radius // step) * step
    whole: list[Tensor] = []
    for top, bottom in places:
        start = max(top - margin, 0)
        parts = layers(x[:, :, start : min(bottom + margin, height)])
        if not whole:
            whole = [
                p.new_empty(*p.shape[:2], -(-height // s), p.shape[3]) for p, s in zip(parts, strides, strict=True)
            ]
        for target, part, stride in zip(whole, parts, strides, strict=True):
            first, end = top // stride, -(-bottom // stride)
            target[:, :, first:end] = part[:, :, first - start // stride : end - start // stride]
    return whole


def doubled(layers: Callable[[Tensor], Tensor], x: Tensor, *, radius: int) -> Tensor:
    """What `layers` gives of `x` at twice its size (bilinear, corners aligned), strip by strip as in `by_strips`.

    x: B x C x h x w; layers keep the size.  Returns B x C' x 2h x 2w.
    """
    height, width = 2 * x.shape[2], 2 * x.shape[3]
    places = list(cuts(height, 4 * width))  # a quarter of the rows: what has been doubled before is held whole besides
    if len(places) == 1:
        return layers(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
    whole: list[Tensor] = []
    for top, bottom in places:
        start, end = max(top - radius, 0), min(bottom + radius, height)
        part = layers(_doubled_rows(x, start, end))
        if not whole:
            whole.append(part.new_empty(*part.shape[:2], height, width))
        whole[0][:, :, top:bottom] = part[:, :, top - start : bottom - start]
    return whole[0]


def _doubled_rows(x: Tensor, start: int, end: int) -> Tensor:
    """Rows of the doubled picture: between the two source rows of each, then along the rows."""
    height, width = x.shape[2:]
    place = torch.arange(start, end, device=x.device, dtype=torch.float64) * (height - 1) / (2 * height - 1)
    before = place.long().clamp(max=max(height - 2, 0))
    share = (place - before).to(x.dtype)[:, None]
    rows = torch.lerp(x[:, :, before], x[:, :, (before + 1).clamp(max=height - 1)], share)
    return F.interpolate(rows, size=(end - start, 2 * width), mode="bilinear", align_corners=True)
