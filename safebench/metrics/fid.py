"""FID, the Fréchet distance of Heusel et al. (NeurIPS 2017) between the features of composites and of their originals.

It says of a cell what no picture's figure can, and little of a small one: with few pictures it lies far above its
limit, so that only cells of equally many compare.  No interval: a resample holds fewer pictures, and has a larger FID.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.feature import Feature, Network
from safebench.metrics.metric import Metric


def _network(device: Any) -> Any:
    from safebench.metrics.inception import load_inception  # brings torch, which no table needs

    return load_inception(device)


def _extract(picture: NDArray[np.uint8], network: Any) -> NDArray[np.float32]:
    from safebench.metrics.inception import inception_features

    return inception_features(picture, network)


INCEPTION = Feature(name="inception", of="composite", extract=_extract, network=Network("inception", _network))


def frechet_distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of means and covariances of two sets of features, N x D and M x D.

    With X the centred features over the root of their number less one, C1 C2 = X1^T X1 X2^T X2 has the eigenvalues of
    (X1 X2^T)(X1 X2^T)^T, so that the root's trace is the sum of the singular values of X1 X2^T.
    NaN with fewer than two of either.
    """
    if min(len(first), len(second)) < 2:
        return math.nan
    sets = [features.astype(np.float64) for features in (first, second)]
    means = [features.mean(axis=0) for features in sets]
    spread = [_factor((f - m) / math.sqrt(len(f) - 1)) for f, m in zip(sets, means, strict=True)]
    traces = sum(float(np.square(factor).sum()) for factor in spread)
    root = float(np.linalg.svd(spread[0] @ spread[1].T, compute_uv=False).sum())
    return max(0.0, float(np.square(means[0] - means[1]).sum()) + traces - 2 * root)


def _factor(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most D rows with the same X^T X."""
    rows, columns = centred.shape
    if rows <= columns:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"), dtype=np.float64)


def _compute(cell: CellEvidence) -> float:
    stored = cell.features[INCEPTION.name]
    return frechet_distance(np.stack([*stored.of_pictures()]), np.stack([*stored.of_originals()]))


FID = Metric(
    key="fid",
    name="FID",
    meaning="Fréchet distance of Inception features from the originals'; compare it at equal n alone.",
    subject="quality",
    compute=_compute,
    needs=frozenset((INCEPTION.name,)),
    level="cell",
    better="low",
    digits=2,
    feature=INCEPTION,
)
