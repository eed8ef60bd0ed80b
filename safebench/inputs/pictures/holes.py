"""The true mask of a forged picture: which of its sides is the hole, and whether that can be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ImageError
from safebench.inputs.images import read_photo
from safebench.inputs.images.kinds import GRAY_SPREAD
from safebench.inputs.images.reading import hole_of_levels, read_levels

MaskHole = Literal["white", "black", "auto-by-difference"]
"""Which side of a mask is the hole; the last: that on which picture and original differ."""
AUTO: MaskHole = "auto-by-difference"

Hole = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

_TIMES_MORE = 4
"""One side of a mask is where something was changed, beyond doubt, where the mean difference there is so many times
that of the other: the borders of compressed pictures differ on both sides."""


@dataclass(frozen=True)
class HoleReader:
    """How the masks of a set are read.

    hole: which side is the hole.  threshold: the level from which on a pixel is white, for masks of many levels.
    coloured: masks are red and green, and green is the hole.
    """

    hole: MaskHole = "white"
    threshold: int | None = None
    coloured: bool = False

    def settings(self, inverted: bool) -> tuple[object, ...]:
        """What a hole depends on besides the mask's file; nothing for what is white in an ordinary mask."""
        marks = ("black",) if inverted else ()
        levels = () if self.threshold is None else (self.threshold,)
        return (*marks, *levels, *(("green",) if self.coloured else ()))

    def white(self, path: Path, data: bytes) -> tuple[Hole, float]:
        """What is white (or green) in a mask, bool H x W, and the share of its pixels that are grey.

        Raises ImageError for a mask that cannot be read, or that says more than hole or no hole.
        """
        if self.coloured:
            pixels = read_photo(path, data).astype(np.int16)
            return np.asarray(pixels[:, :, 1] > pixels[:, :, 0]), 0.0
        levels = read_levels(path, data)
        grey = (levels >= GRAY_SPREAD) & (levels < 256 - GRAY_SPREAD)
        return hole_of_levels(path, levels, self.threshold), float(grey.mean())

    def side(self, path: Path, white: Hole, picture: Pixels | None, original: Pixels | None) -> Hole:
        """The hole; raises ImageError where the difference has to tell it, and does not."""
        if self.hole != AUTO:
            return white if self.hole == "white" else ~white
        if original is None or picture is None:
            raise ImageError(f"{path}: which side is the hole cannot be told: its picture has no original; {_HOW}")
        check_sizes(path, white, picture)
        inside, outside = differences(white, picture, original)
        less, more = sorted((inside, outside))
        if more == 0 or more < _TIMES_MORE * less:
            raise ImageError(
                f"{path}: which side is the hole cannot be told: picture and original differ by {inside:.2g} levels "
                f"where it is white, and by {outside:.2g} where it is black; {_HOW}"
            )
        return white if inside > outside else ~white


_HOW = "--mask-hole white or black says it"


def check_hole(path: Path, hole: Hole, picture: Pixels, original: Pixels | None) -> None:
    """Raise ImageError for a hole of another size than the picture, for none, and for one that is inverted.

    It is inverted where the picture differs from its original outside the hole, and next to not inside.
    """
    check_sizes(path, hole, picture)
    if not hole.any():
        raise ImageError(f"{path}: it has no hole, and its picture is forged; is the other side the hole? {_HOW}")
    if original is None or original.shape != picture.shape:
        return
    inside, outside = differences(hole, picture, original)
    if outside > 1 and outside >= _TIMES_MORE * inside:
        raise ImageError(
            f"{path}: it looks inverted: picture and original differ by {inside:.2g} levels in what it calls the hole, "
            f"and by {outside:.2g} elsewhere; --mask-hole says which side is the hole"
        )


def check_sizes(path: Path, hole: Hole, picture: Pixels) -> None:
    """Raise ImageError where a mask is of another size than its picture."""
    if hole.shape != picture.shape[:2]:
        raise ImageError(
            f"{path}: the mask has {hole.shape[1]}x{hole.shape[0]} pixels, its picture "
            f"{picture.shape[1]}x{picture.shape[0]}; they have to be the same (--exclude leaves such pictures out)"
        )


def differences(white: Hole, picture: Pixels, original: Pixels) -> tuple[float, float]:
    """The mean absolute difference of picture and original, in levels of 255: where it is white, and elsewhere.

    0 for a side that has no pixels; both are 0 where the sizes differ.
    """
    if picture.shape != original.shape or white.shape != picture.shape[:2]:
        return 0.0, 0.0
    change = np.abs(picture.astype(np.int16) - original).mean(axis=2)
    inside = float(change[white].mean()) if white.any() else 0.0
    outside = float(change[~white].mean()) if not white.all() else 0.0
    return inside, outside
