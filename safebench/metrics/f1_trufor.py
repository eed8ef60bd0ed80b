"""F1 as TruFor's evaluation has it: the hole's edge left out, and a map that points the other way taken by its inverse.

Guillaro et al., CVPR 2023.  What the paper leaves open is settled by what the authors' evaluation does (TruFor's
test_docker/metrics.py): the hole is shrunk by a 15 x 15 minimum filter, background is what lies outside the hole grown
by an 11 x 11 maximum filter, and the pixels between count for neither; a pixel is called above 0.5, not from it on; and
the larger F1 of the map and of its inverse counts, so that the map's direction is an oracle's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.ranks import counts_below
from safebench.protocol import THRESHOLD

SHRUNK, GROWN = 15, 11
"""Sides of the square windows, in pixels."""


def _f1(tp: Any, fp: Any, fn: Any) -> Any:
    return 2 * tp / np.maximum(2 * tp + fp + fn, 1)


def _outside_band(evidence: MapEvidence) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The map's values outside the band around the hole's edge, and which of them are the hole's."""
    from scipy.ndimage import maximum_filter, minimum_filter  # slow to import, and not needed to read tables

    inside = minimum_filter(evidence.true_hole, SHRUNK)
    kept = inside | ~maximum_filter(evidence.true_hole, GROWN)
    return evidence.map[kept], inside[kept]


def _at_half(evidence: MapEvidence) -> float:
    """NaN where the band leaves no pixel of the hole, or none of the rest.

    No stored map gives it again: a value of exactly 0.5 is stored as one above.
    """
    values, hole = _outside_band(evidence)
    if not hole.any() or hole.all():
        return math.nan
    called = values > THRESHOLD
    tp, fn = np.count_nonzero(called & hole), np.count_nonzero(~called & hole)
    fp, tn = np.count_nonzero(called & ~hole), np.count_nonzero(~called & ~hole)
    return float(max(_f1(tp, fp, fn), _f1(fn, tn, tp)))


def _best(evidence: MapEvidence) -> float:
    """Over all thresholds; NaN where the band leaves no pixel of the hole, or none of the rest."""
    values, hole = _outside_band(evidence)
    if not hole.any() or hole.all():
        return math.nan
    hole_below, rest_below = (counts.astype(np.int64) for counts in counts_below(values, hole))
    hole_above, rest_above = hole_below[-1] - hole_below, rest_below[-1] - rest_below
    straight, inverse = _f1(hole_above, rest_above, hole_below), _f1(hole_below, rest_below, hole_above)
    return float(max(straight.max(), inverse.max()))


F1_TRUFOR = Metric(
    key="f1_trufor",
    name="F1 (TruFor)",
    meaning="F1 of map > 0.5 without a band at the hole's edge; of the map or its inverse, whichever is larger.",
    subject="localisation",
    compute=_at_half,
    needs=frozenset(("map", "hole")),
    better="low",
    undefined="undefined",
)
F1_TRUFOR_BEST = Metric(
    key="f1_trufor_best",
    name="F1-best (TruFor, oracle)",
    meaning="The largest F1 over all thresholds without a band at the hole's edge; of the map or its inverse.",
    subject="localisation",
    compute=_best,
    needs=frozenset(("map", "hole")),
    better="low",
    undefined="undefined",
    tolerance=2e-3,  # of a map that was stored with 16 bits
)
