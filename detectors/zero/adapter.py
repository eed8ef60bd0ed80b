"""ZERO: regions whose JPEG grid is another than the picture's, or that have none (Nikoukhah et al. 2021)."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import Image, map_each

from .._block_dct import luminance
from .regions import Region, main_grid, regions
from .voting import GRIDS, NONE, votes

QUALITY = 99
"""Of the compression that shows where a picture had no grid before, the paper's."""


class Adapter(Detector):
    """Votes of pixels for the 64 grids, kept where they are too many to be chance; needs no weights."""

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`: 0 where nothing speaks against the picture's own grid."""
        maps = map_each(images, locate)
        return Detection(maps, scores=maps.flatten(1).amax(dim=1))


def locate(image: Image) -> NDArray[np.float64]:
    """How meaningful the region that holds each pixel is: uint8 H x W x 3 to H x W, 0, or from 0.5 to below 1."""
    found = np.zeros(image.shape[:2])
    for region in foreign_regions(image):
        np.maximum(found, region.mask * _level(region.surprise), out=found)
    return found


def foreign_regions(image: Image) -> list[Region]:
    """The regions that follow another grid than the picture's, and those that follow none where the picture has one."""
    vote = votes(luminance(image))
    main = main_grid(vote)
    found = list(regions(vote, (grid for grid in range(GRIDS) if grid != main)))
    if main != NONE:
        again = votes(luminance(_compressed(image)))
        again[vote == main] = NONE
        found += regions(again, [0])
    return found


def _compressed(image: Image) -> Image:
    """The picture after a JPEG so mild that only what had no grid takes on that of its blocks, which begins at (0,
    0)."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=QUALITY)
    return np.asarray(PillowImage.open(buffer))


def _level(surprise: float) -> float:
    """-log10 of a number of false alarms to a map's level: 0.5 at one false alarm, towards 1 without ever reaching
    it."""
    return 0.5 + 0.5 * surprise / (1 + surprise)
