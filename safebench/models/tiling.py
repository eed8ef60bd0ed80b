"""Pictures that are larger than a detector takes: looked at in tiles, which are put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from safebench.models import calling
from safebench.models.calling import Findings, Photos
from safebench.models.contracts import Detector
from safebench.models.specs import Precision

_OVERLAP = 4
"""Tiles share at least one in so many of their pixels with the next, as far as `_GRID` allows."""
_GRID = 8
"""Tiles begin at multiples of it, so that the blocks of JPEG lie in each as they lie in the picture; the last of a row
or column begins where it ends with the picture."""


def detect(
    detector: Detector,
    images: Photos,
    tile: int,
    paths: list[Path] | None = None,
    precision: Precision = "fp32",
    names: Sequence[str] | None = None,
) -> Findings:
    """What `calling.detect` gives, of images with a side of more than `tile` pixels by square tiles of that side.

    tile: 0 for none.  The card has to allow it (`Input.untiled`).

    Where tiles overlap, the mean of their maps stands (and of their confidence).  The score is the highest of the
    tiles', since a picture is forged where a part of it is; of a model without an image-level head it is, as ever, the
    mean of the top 1% of the whole map.  Raises what `calling.detect` raises.
    """
    height, width = images.shape[1:3]
    if not tile or max(height, width) <= tile:
        return calling.detect(detector, images, paths, precision, names)
    maps, confidence = _Mean(images.shape[:3]), _Mean(images.shape[:3])
    scores = []
    for place in _places(height, width, tile):
        found = calling.detect(detector, np.ascontiguousarray(images[place]), None, precision)
        maps.add(place, found.maps)
        scores.append(found.scores)
        if found.confidence is not None:
            confidence.add(place, found.confidence)
    whole = maps.value()
    if detector.card.score.source == "head":
        highest = np.max(scores, axis=0)
    else:
        highest = np.array([calling.top1_mean(map_) for map_ in whole])
    return Findings(whole, highest, confidence.value() if confidence.count.all() else None)


class _Mean:
    """The mean of what tiles say of each pixel of a batch, B x H x W."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.total = np.zeros(shape, np.float64)
        self.count = np.zeros(shape, np.int64)

    def add(self, place: tuple[slice, ...], values: calling.Map) -> None:
        """What one tile says."""
        self.total[place] += values
        self.count[place] += 1

    def value(self) -> calling.Map:
        """The mean, float32."""
        mean: calling.Map = (self.total / self.count).astype(np.float32)
        return mean


def _places(height: int, width: int, side: int) -> Iterator[tuple[slice, ...]]:
    """Where the tiles of a batch lie, row by row."""
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield slice(None), slice(top, top + side), slice(left, left + side)


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin along so many pixels: as few as overlap, and spread evenly; one that takes all where it can."""
    if length <= side:
        return [0]
    last = length - side
    more = -(-last // (side - side // _OVERLAP))
    return [*(k * last // more // _GRID * _GRID for k in range(more)), last]
