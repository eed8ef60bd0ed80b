"""Spearman's rank correlation of two figures of the same images, and how sure it is."""

from __future__ import annotations

import math

import numpy as np

from safebench.metrics.uncertainty import Numbers, Photos, Statistic, Values


class Spearman(Statistic):
    """The rank correlation of x and y (finite float64 N each), -1 to 1; ties have the mean of their ranks.

    NaN where one of them is the same for all images.  In a resample an image counts as often as its photo was drawn.
    """

    def __init__(self, x: Values, y: Values, photos: Photos) -> None:
        names, self._photo = np.unique(photos, return_inverse=True)
        self.photos = names.size
        self.spread = np.array([names.size])
        self._places = [np.unique(values, return_inverse=True)[1] for values in (x, y)]

    @property
    def value(self) -> float:
        """Of the images as they are."""
        return float(self.resampled(np.ones((self.photos, 1)))[0, 0]) if self.photos else math.nan

    def resampled(self, weights: Values) -> Values:
        """The correlation for each resample, 1 x R."""
        of_image = weights[self._photo]
        total = of_image.sum(axis=0)
        x, y = (_ranks(places, of_image) for places in self._places)
        x, y = (ranks - (of_image * ranks).sum(axis=0) / total for ranks in (x, y))
        spread = np.sqrt((of_image * x**2).sum(axis=0) * (of_image * y**2).sum(axis=0))
        shared = (of_image * x * y).sum(axis=0)
        apart = spread > 1e-9 * total  # what rounding leaves of equal ranks is no spread
        return np.divide(shared, spread, out=np.full((1, total.size), math.nan), where=apart)


def _ranks(places: Numbers, weights: Values) -> Values:
    """The rank of each image, N x R; `places` is where its value stands among the distinct ones."""
    together = np.zeros((int(places.max()) + 1, weights.shape[1]))
    np.add.at(together, places, weights)
    middle: Values = np.cumsum(together, axis=0) - together / 2
    return middle[places]
