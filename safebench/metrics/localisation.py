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
Counts = NDArray[np.intp]


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


def localise(scores: NDArray[np.float32], mask: NDArray[np.bool_]) -> Localisation:
    """Compare a map (float32 H x W in [0, 1]) with the mask (bool H x W, True = hole).

    Raises ModelError where the map is not of the mask's size, holds NaN, or leaves [0, 1]: it is never clipped.
    """
    hole, rest = _classes(scores, mask)
    below = np.searchsorted(rest, hole, side="left")
    upto = np.searchsorted(rest, hole, side="right")

    tp, fp = _called(hole), _called(rest)
    fn, tn = hole.size - tp, rest.size - fp
    return Localisation(
        auc=_area(below, upto, rest.size),
        f1=2 * tp / (2 * tp + fp + fn) if tp else 0.0,
        f1_best=_best_f1(below, rest.size),
        iou=tp / (tp + fp + fn) if tp else 0.0,
        mcc=_mcc(tp, fp, fn, tn),
        pixel_acc=(tp + tn) / mask.size,
    )


def pixel_auc(scores: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Area under the ROC curve over the pixels, exact, ties counting half; NaN where the mask is empty or full.

    Takes and refuses what `localise` does.
    """
    return rank_auc(*_classes(scores, mask))


def rank_auc(positives: Floats, negatives: Floats) -> float:
    """Chance that one of `positives` exceeds one of `negatives`, ties counting half; both sorted ascending.

    The Mann-Whitney form of the area under the ROC curve; NaN where either is empty.
    """
    below = np.searchsorted(negatives, positives, side="left")
    upto = np.searchsorted(negatives, positives, side="right")
    return _area(below, upto, negatives.size)


def _classes(scores: Floats, mask: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The hole's values and the others, each sorted ascending."""
    if scores.shape != mask.shape:
        raise ModelError(f"the localisation map has the shape {scores.shape}, its image has {mask.shape}")
    inside = mask.astype(bool, copy=False)
    hole, rest = np.sort(scores[inside]), np.sort(scores[~inside])
    for values in (hole, rest):
        # NaN sorts to the end, so the two ends tell all
        if values.size and not (values[0] >= 0 and values[-1] <= 1):
            raise ModelError(
                f"the localisation map leaves [0, 1]: it holds values from {values[0]:.6g} to {values[-1]:.6g}"
            )
    return hole, rest


def _called(values: Floats) -> int:
    """How many pixels the map calls inpainted."""
    return int(np.count_nonzero(values >= THRESHOLD))


def _area(below: Counts, upto: Counts, negatives: int) -> float:
    """The area, from how many negatives lie below, and up to, each positive; whole numbers until the division."""
    pairs = below.size * negatives
    if not pairs:
        return math.nan
    return (int(below.sum()) + int(upto.sum())) / (2 * pairs)


def _best_f1(below: Counts, negatives: int) -> float:
    """The largest F1 over all thresholds.

    Between two of the hole's values a lower threshold only adds false positives, so one of those values is best.
    With them sorted ascending, the i-th as threshold finds P - i of the P; among ties the first of them is the true
    count, and the others fall short of it.
    """
    positives = below.size
    if not positives:
        return 0.0
    tp = np.arange(positives, 0, -1)
    fp = negatives - below
    return float((2 * tp / (tp + fp + positives)).max())


def _mcc(tp: int, fp: int, fn: int, tn: int) -> float:
    """Matthews' correlation, 0 where it is undefined, as in scikit-learn."""
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0
