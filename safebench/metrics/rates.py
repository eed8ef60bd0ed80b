"""How sure a share of images is (docs/protocol.md, section 6).

Resampling cannot leave what was seen: of four photos without a false alarm every resample has none, and 0% would seem
certain.  So a share has two intervals, and the wider end of both is told: that of the resampled photos, and the exact
one of Clopper and Pearson (Biometrika 26, 1934) for as many trials as there are photos.  The images of one photo are
not independent, and photos are the number of trials that holds even where they are all alike.
"""

from __future__ import annotations

import math

from scipy.stats import beta

from safebench.metrics.uncertainty import PERCENTILES, UNDEFINED, Interval


def exact_interval(share: float, photos: int) -> Interval:
    """The 95% interval of Clopper and Pearson for a share in [0, 1] that was seen over so many photos.

    Where a photo has several images, share x photos is no whole number: the beta distribution's quantiles take it as
    it is (Korn and Graubard, Survey Methodology 24, 1998).  Undefined where there is no photo or no share.
    """
    if not photos or math.isnan(share):
        return UNDEFINED
    hits = share * photos
    low, high = (percentile / 100 for percentile in PERCENTILES)
    return Interval(
        low=float(beta.ppf(low, hits, photos - hits + 1)) if hits > 0 else 0.0,
        high=float(beta.ppf(high, hits + 1, photos - hits)) if hits < photos else 1.0,
    )


def share_interval(share: float, photos: int, resampled: Interval) -> Interval:
    """The wider of the exact interval and the resampled one, end by end; the exact one where that is undefined."""
    exact = exact_interval(share, photos)
    if math.isnan(resampled.low):
        return exact
    return Interval(min(exact.low, resampled.low), max(exact.high, resampled.high))
