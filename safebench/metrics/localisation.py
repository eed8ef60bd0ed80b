"""How well a map finds the hole's pixels (docs/protocol.md, section 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ModelError
from safebench.protocol import THRESHOLD

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.bool_]
Counts = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Localisation:
    """The localisation figures of one image, each in [0, 1] but `mcc`, which lies in [-1, 1].

    `auc` is NaN where the mask is empty or full; `f1_best` takes the image's best threshold, so it is an oracle's;
    the others threshold the map at 0.5.
    """

    auc: float
    f1: float
    f1_best: float
    iou: float
    mcc: float
    pixel_acc: float


def localise(scores: NDArray[np.float32], mask: Labels) -> Localisation:
    """Compare a map (float32 H x W in [0, 1]) with the mask (bool H x W, True = hole).

    Raises ModelError where the map is not of the mask's size, holds NaN, or leaves [0, 1]: it is never clipped.
    Raises TypeError for a mask that is not boolean.
    """
    _check(scores, mask)
    hole_below, rest_below = _below(scores, mask)
    called = scores >= THRESHOLD
    tp = int(np.count_nonzero(called & mask))
    fp = int(np.count_nonzero(called)) - tp
    fn = int(hole_below[-1]) - tp
    tn = int(rest_below[-1]) - fp
    return Localisation(
        auc=_area(hole_below, rest_below),
        f1=2 * tp / (2 * tp + fp + fn) if tp else 0.0,
        f1_best=_best_f1(hole_below, rest_below),
        iou=tp / (tp + fp + fn) if tp else 0.0,
        mcc=_mcc(tp, fp, fn, tn),
        pixel_acc=(tp + tn) / mask.size,
    )


def pixel_auc(scores: NDArray[np.float32], mask: Labels) -> float:
    """Area under the ROC curve over the pixels, exact, ties counting half; NaN where the mask is empty or full.

    Takes and refuses what `localise` does.
    """
    _check(scores, mask)
    return rank_auc(scores, mask)


def rank_auc(values: Floats, positive: Labels) -> float:
    """Chance that a positive's value exceeds a negative's, ties counting half; NaN where either is missing.

    values: in [0, 1]; positive: of the same shape.
    """
    return _area(*_below(values, positive))


def _check(scores: Floats, mask: Labels) -> None:
    if mask.dtype != np.bool_:
        raise TypeError(f"the mask is {mask.dtype}, not bool")
    if scores.shape != mask.shape:
        raise ModelError(f"the localisation map has the shape {scores.shape}, its image has {mask.shape}")
    low, high = scores.min(), scores.max()
    if not (low >= 0 and high <= 1):  # NaN compares false
        raise ModelError(f"the localisation map leaves [0, 1]: its values run from {low:.6g} to {high:.6g}")


def _below(values: Floats, positive: Labels) -> tuple[Counts, Counts]:
    """How many positives, and how many negatives, lie below each distinct value; last, how many there are in all.

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


def _area(positives: Counts, negatives: Counts) -> float:
    """The area under the curve through these counts, in whole numbers until the division."""
    pairs = int(positives[-1]) * int(negatives[-1])
    if not pairs:
        return math.nan
    doubled = np.einsum("i,i->", np.diff(positives), negatives[1:] + negatives[:-1], dtype=np.int64)
    return int(doubled) / (2 * pairs)


def _best_f1(hole_below: Counts, rest_below: Counts) -> float:
    """The largest F1 over all thresholds: each distinct value of the map, and one above them all."""
    hole = hole_below[-1]
    if not hole:
        return 0.0
    tp, fp = hole - hole_below, rest_below[-1] - rest_below
    return float((2 * tp / (tp + fp + hole)).max())


def _mcc(tp: int, fp: int, fn: int, tn: int) -> float:
    """Matthews' correlation, 0 where it is undefined, as in scikit-learn."""
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0
