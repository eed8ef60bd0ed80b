"""On which grid a picture was compressed before, and by which steps (Bianchi and Piva 2012)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._block_dct import SIDE, Frequency

Shift = tuple[int, int]
"""Pixels, down and right, from the picture's corner to the grid's first whole block."""
STEPS = np.arange(2, 33)
"""First steps that are looked for; of larger ones too few coefficients differ from zero."""
REACH = 160
"""Coefficients beyond this (in levels) are rare, and do not count."""
LIKELY = 4
"""First steps of a frequency that are tried in full."""
DOMINANCE = 2.5
"""How many times as far as the second grid the first one has to stand out from the median."""

_FINE = 4
"""Bins a level."""


def periodicity(coefficients: Mapping[Frequency, NDArray[np.float32]]) -> NDArray[np.float64]:
    """How much the coefficients of each grid gather at multiples of each step, beyond those of the other grids.

    coefficients: at every position.  Returns 8 x 8 grids x frequencies x `STEPS`, in deviations.  It is the magnitude
    of the characteristic function at 1/step, as in the paper's map of integer periodicity; what a smooth distribution
    has of it is the same on all grids, and their median is taken away.
    """
    centres = (np.arange(-REACH * _FINE, REACH * _FINE) + 0.5) / _FINE
    waves = np.exp(2j * np.pi * centres[:, None] / STEPS)
    strengths = np.zeros((SIDE, SIDE, len(coefficients), len(STEPS)))
    for number, values in enumerate(coefficients.values()):
        for down, right in np.ndindex(SIDE, SIDE):
            counts, _ = np.histogram(values[down::SIDE, right::SIDE], centres.size, (-REACH, REACH))
            strengths[down, right, number] = np.abs(counts @ waves) / np.sqrt(max(1, counts.sum()))
    return strengths - np.median(strengths, axis=(0, 1))


def first_grid(strengths: NDArray[np.float64], own: bool) -> Shift | None:
    """The grid whose coefficients gather most; None where no grid stands out from the others.

    own: not the one of the picture's own file, at its corner, which always does.  (What gathers there shows on its
    neighbours too, but on many alike.)
    """
    gathered = strengths.max(axis=3).clip(min=0).sum(axis=2)
    if own:
        gathered[0, 0] = 0
    _, *_, second, most = np.sort(gathered, axis=None)
    usual = float(np.median(gathered))
    if most - usual < DOMINANCE * (second - usual):
        return None
    down, right = np.unravel_index(int(gathered.argmax()), gathered.shape)
    return int(down), int(right)


def likely_steps(strengths: NDArray[np.float64]) -> list[int]:
    """The first steps of one grid's frequency that are worth trying, by its strengths."""
    return [int(step) for step in STEPS[np.argsort(-strengths, kind="stable")[:LIKELY]]]


def calibration(values: NDArray[np.float32], shift: Shift, usable: NDArray[np.bool_], own: bool) -> NDArray[Any]:
    """Coefficients as they are where no compression has shaped them: of grids 3 to 5 pixels away from `shift`.

    usable: of every position, those whose block has no clipped pixel.
    """
    places = [((shift[0] + y) % SIDE, (shift[1] + x) % SIDE) for y in (3, 4, 5) for x in (3, 4, 5)]
    held = [values[y::SIDE, x::SIDE][usable[y::SIDE, x::SIDE]] for y, x in places if not (own and (y, x) == (0, 0))]
    together = np.concatenate(held).astype(np.float64)
    return together[np.abs(together) < REACH]
