"""How well values tell positives from negatives: counts by rank, exact, ties counting half."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.bool_]
Counts = NDArray[np.integer[Any]]


def rank_auc(values: Floats, positive: Labels) -> float:
    """Chance that a positive's value exceeds a negative's, ties counting half; NaN where either is missing.

    values: in [0, 1]; positive: of the same shape.
    """
    return area(*counts_below(values, positive))


def counts_below(values: Floats, positive: Labels) -> tuple[Counts, Counts]:
    """How many positives, and how many negatives, lie below each distinct value; last, how many there are in all.

    values: in [0, 1]; positive: of the same shape.

    The bits of floats from 0 up sort as the floats do.  Of those up to 1 the highest bit is the sign alone, so that a
    shift makes room for the label and loses nothing but the sign of -0: one sort of whole numbers does it all.
    """
    ranked = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").ravel() << 1
    ranked |= positive.ravel()
    ranked.sort()
    # half the memory of the usual 64-bit counts, the handling of which would take as long as the sort
    so_far: Counts = np.zeros(ranked.size + 1, dtype=np.int32 if ranked.size < 1 << 30 else np.int64)
    np.cumsum(ranked & 1, out=so_far[1:])
    ranked >>= 1
    changes = np.flatnonzero(ranked[1:] != ranked[:-1])
    places = np.zeros(changes.size + 2, dtype=so_far.dtype)
    np.add(changes, 1, out=places[1:-1], casting="same_kind")
    places[-1] = ranked.size
    positives = so_far[places]
    return positives, places - positives


def area(positives: Counts, negatives: Counts) -> float:
    """The area under the curve through these counts, in whole numbers until the division."""
    pairs = int(positives[-1]) * int(negatives[-1])
    if not pairs:
        return math.nan
    doubled = np.einsum("i,i->", np.diff(positives), negatives[1:] + negatives[:-1], dtype=np.int64)
    return int(doubled) / (2 * pairs)
