"""How sure a figure is that several trainings of one network share: a bootstrap over photos crossed with trainings.

The trainings differ in their seed alone, and all of them fill the same holes of the same photos.  So both are drawn,
each by itself, and every training that is drawn shows the photos that are drawn (the crossed bootstrap: Owen, Annals
of Applied Statistics 1, 2007).  Photos are drawn as everywhere here, as many as there are, all holes of one together.
Of S trainings S - 1 are drawn: as many as there are would make their spread too small by the factor (S - 1) / S, which
is a half for two (Rao and Wu, Journal of the American Statistical Association 83, 1988).

What few trainings can carry: of two each resample holds one, so the interval spans what photos make of the one and of
the other, and no more.  It shows that the seed matters where the two lie apart, and does not cover a third training's
figure 95 times of 100: the spread of two values is hardly known (a t interval would be 12.7 standard errors wide each
way).  Of one training the interval is over photos alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from safebench.metrics.uncertainty import (
    PERCENTILES,
    SEED,
    UNDEFINED,
    Interval,
    Means,
    Photos,
    Values,
    resamples,
)


class OverTrainings(NamedTuple):
    """The mean of the trainings' means, its 95% interval, and each training's own mean."""

    value: float
    interval: Interval
    of_each: tuple[float, ...]


def over_trainings(values: Values, photos: Photos) -> OverTrainings:
    """The figure that trainings share.

    values: float64 S x N, the value of each image by training, NaN or infinite where there is none.  photos: N, of
    which photo each image is.  The interval is undefined where fewer than two photos have a value in every training.
    """
    statistics = [Means(training[:, None], photos) for training in values]
    of_each = tuple(_mean(training) for training in values)
    if not statistics or min(int(statistic.spread[0]) for statistic in statistics) < 2:
        return OverTrainings(float(np.mean(of_each)) if of_each else math.nan, UNDEFINED, of_each)
    blocks = [
        np.concatenate([statistic.resampled(weights) for statistic in statistics])
        for weights in resamples(statistics[0].photos)
    ]
    resampled = np.concatenate(blocks, axis=1)
    trainings, count = resampled.shape
    generator = np.random.default_rng([SEED, trainings])
    drawn = generator.integers(trainings, size=(max(1, trainings - 1), count))
    low, high = np.nanpercentile(np.take_along_axis(resampled, drawn, axis=0).mean(axis=0), PERCENTILES)
    return OverTrainings(float(np.mean(of_each)), Interval(float(low), float(high)), of_each)


def _mean(values: Values) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan
