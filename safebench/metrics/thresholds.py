"""From image-level scores to images that are flagged (docs/protocol.md, section 5).

Scores are one-dimensional arrays of float64 in [0, 1], one for each image; the order does not matter.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from safebench.protocol import THRESHOLD

Scores = NDArray[np.float64]

FALSE_ALARMS_PER = 20
"""A calibrated threshold flags at most one original in so many: 5%, kept as a whole number."""


def flagged_share(scores: Scores, threshold: float = THRESHOLD) -> float:
    """Share of images with a score of at least `threshold`; NaN where there is none.

    Of inpainted images this is the detection rate (the paper's ACC), of originals the false-alarm rate.
    """
    return int(np.count_nonzero(scores >= threshold)) / scores.size if scores.size else math.nan


def calibrated_threshold(originals: Scores) -> float:
    """The smallest threshold t at which at most 5% of the originals have a score of t or more.

    With n originals, k = floor(n / 20) may be flagged, so that t lies just above the (k+1)-th largest score: it is
    the next float64 up.  Scores that tie with that one are not flagged.  NaN where there is no original.
    """
    if not originals.size:
        return math.nan
    allowed = originals.size // FALSE_ALARMS_PER
    highest_spared = np.sort(originals)[originals.size - 1 - allowed]
    return float(np.nextafter(highest_spared, np.inf))
