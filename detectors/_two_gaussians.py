"""Two Gaussians fitted to points by expectation-maximisation: scikit-learn's `GaussianMixture(2)`, for few dimensions.

The steps, the start and the end are the same, and so is what comes out but for rounding. With two components an
iteration needs one product of matrices where the general one needs four: the densities count by their difference
alone, a quadratic form; the second component's moments are what the first leaves of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.cluster import kmeans_plusplus

Floats = NDArray[np.float64]

_LEAST_VARIANCE = 1e-6
_ENOUGH = 1e-3
"""The fit ends where a step gains less mean log-likelihood."""
_MOST_STEPS = 100
_LEAST_COUNT = 1e-6
"""Of points in a component: keeps the moments of one that has lost all its points finite."""


@dataclass(frozen=True)
class TwoGaussians:
    """A mixture of two Gaussians in D dimensions.

    weights: 2, the components' shares; means: 2 x D; covariances and precisions (their inverses): 2 x D x D.
    """

    weights: Floats
    means: Floats
    covariances: Floats
    precisions: Floats

    def distances(self, points: Floats) -> Floats:
        """The Mahalanobis distance of each point to each component: N x D to 2 x N."""
        squares = []
        for mean, precision in zip(self.means, self.precisions, strict=True):
            centred = points - mean
            squares.append(np.einsum("nd,nd->n", centred @ precision, centred))
        return np.sqrt(np.maximum(squares, 0))

    def first_share(self, points: Floats) -> Floats:
        """The probability of each point to be the first component's: N x D to N."""
        return expit(self._log_odds(points))

    def _log_odds(self, points: Floats) -> Floats:
        """log of the first component's weighted density over the second's."""
        (first, second), (mean1, mean2) = self.precisions, self.means
        constant = (self._log_scales() * (1, -1)).sum() - (mean1 @ first @ mean1 - mean2 @ second @ mean2) / 2
        odds: Floats = np.einsum("nd,nd->n", points @ ((second - first) / 2), points)
        odds += points @ (first @ mean1 - second @ mean2) + constant
        return odds

    def _log_scales(self) -> Floats:
        """log of each component's weighted density at its mean, without the power of 2 pi that both share."""
        return np.log(self.weights) + np.linalg.slogdet(self.precisions)[1] / 2

    def _expected(self, points: Floats, scatter: Floats) -> tuple[Floats, float]:
        """Each point's share in the first component, and the mean log-likelihood of all (without the power of 2 pi)."""
        odds = self._log_odds(points)
        mean, precision = self.means[1], self.precisions[1]
        centre = points.mean(axis=0)
        about = scatter / len(points) - np.outer(centre, mean) - np.outer(mean, centre) + np.outer(mean, mean)
        second = float(self._log_scales()[1] - np.sum(precision * about) / 2)
        return expit(odds), second + float(np.logaddexp(0, odds).mean())


def fit(points: Floats, seed: int) -> TwoGaussians:
    """Fit the mixture to points, N x D, beginning at two of them that k-means++ draws with the seed."""
    points = np.ascontiguousarray(points)
    scatter = points.T @ points
    means = kmeans_plusplus(points, 2, random_state=seed)[0]
    narrow = np.stack([np.eye(points.shape[1])] * 2)
    mixture = TwoGaussians(np.full(2, 0.5), means, narrow * _LEAST_VARIANCE, narrow / _LEAST_VARIANCE)
    likelihood = -np.inf
    for _ in range(_MOST_STEPS):
        first_share, now = mixture._expected(points, scatter)
        mixture = _maximised(points, scatter, first_share)
        if abs(now - likelihood) < _ENOUGH:
            break
        likelihood = now
    return mixture


def _maximised(points: Floats, scatter: Floats, first_share: Floats) -> TwoGaussians:
    """The likeliest mixture where so much of each point belongs to the first component, and the rest to the second."""
    counts = np.array([first_share.sum(), (1 - first_share).sum()])
    counts = np.maximum(counts, _LEAST_COUNT)
    sums = np.stack([first_share @ points, (1 - first_share) @ points])
    moment = points.T @ (points * first_share[:, None])
    means = sums / counts[:, None]
    covariances = np.stack([moment, scatter - moment]) / counts[:, None, None] - means[:, :, None] * means[:, None, :]
    covariances += _LEAST_VARIANCE * np.eye(points.shape[1])
    return TwoGaussians(counts / counts.sum(), means, covariances, np.linalg.inv(covariances))
