"""The built-in masks: free-form holes in the manner of NVIDIA's, each made from the seed when it is asked for."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from safebench.errors import DataError
from safebench.inputs.masks.strokes import Brush, Canvas, fill
from safebench.protocol import BINS, Bin

VERSION = "1"
"""Of the generator: raised when any of its masks changes."""

EACH = 1000
"""Masks in a bin; of NVIDIA's test set a bin holds twice as many."""

_MARGIN = 50 / 512
"""Half of NVIDIA's masks leave this share of the side free at each border."""


class Irregular:
    """1,000 masks in each bin, named `10-20/0042`; the hole ratios are spread evenly over the bin.

    The first half of a bin's masks leave a margin at the border free, the second half may touch it, as in NVIDIA's set.
    """

    name = "irregular"
    licence = "MIT (made by SafeBench)"
    note = ""
    left_out: Sequence[str] = ()
    outside = 0

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.problems: list[str] = []

    def index(self, size: int) -> Mapping[Bin, Sequence[str]]:
        """The names in each bin, the same for every size: nothing has to be drawn to know them."""
        _check_size(size)
        return {b: [f"{b.name}/{number:04d}" for number in range(EACH)] for b in BINS}

    def fingerprint(self, name: str) -> str:
        """sha256 of what the mask is made from: the generator's version, the seed and the name."""
        return hashlib.sha256(self._origin(name)).hexdigest()

    def load(self, name: str, size: int) -> NDArray[np.bool_]:
        """Draw the mask: bool `size` x `size`, True = hole.  Raises DataError for a name that is none of the set's."""
        _check_size(size)
        hole_bin, number = _parse(name)
        draw = random.Random(int.from_bytes(hashlib.sha256(self._origin(name)).digest()[:16], "big"))  # noqa: S311
        fewest, most = _limits(hole_bin, size * size)
        target = fewest + int(draw.random() * (most - fewest + 1))
        canvas = Canvas(size, int(_MARGIN * size) if number < EACH // 2 else 0, target)
        fill(canvas, _brush(hole_bin, size, draw), draw)
        return canvas.hole

    def _origin(self, name: str) -> bytes:
        return f"irregular {VERSION}\0{self.seed}\0{name}".encode()


def _limits(hole_bin: Bin, pixels: int) -> tuple[int, int]:
    """The fewest and the most hole pixels that lie in the bin."""
    k = hole_bin.upper_tenths
    fewest = pixels // 100 if k == 1 else (k - 1) * pixels // 10
    return fewest + 1, k * pixels // 10


def _brush(hole_bin: Bin, size: int, draw: random.Random) -> Brush:
    """A mask's style: NVIDIA's are lines made 9 to 49 pixels wide at 512, the wider the larger the hole."""
    k = hole_bin.upper_tenths
    thinnest, widest = 8 + 2 * k, 34 + 6 * k
    share = draw.random() ** (1.4 - 0.15 * k)
    width = (thinnest + (widest - thinnest) * share) / 512 * size
    return Brush(
        radius=width / 2,
        length=(0.12 + 0.5 * draw.random()) * size,
        straight=draw.random(),
        dashes=draw.random() * 0.8,
        loops=0.4 * draw.random(),
        blots=0.1 * draw.random() + 0.02 * k,
        clustered=0.3 + 0.5 * draw.random(),
    )


def _parse(name: str) -> tuple[Bin, int]:
    by_name = {b.name: b for b in BINS}
    bin_name, _, number = name.partition("/")
    if bin_name not in by_name or not re.fullmatch(r"[0-9]{4}", number) or int(number) >= EACH:
        raise DataError(f"irregular: there is no mask '{name}'; the names run from 0-10/0000 to 50-60/{EACH - 1:04d}")
    return by_name[bin_name], int(number)


def _check_size(size: int) -> None:
    if size < 10:
        raise DataError(f"irregular: masks of {size}x{size} pixels cannot be drawn; 10 is the least")
