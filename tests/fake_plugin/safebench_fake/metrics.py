"""A third party's metrics: one of each picture, one over a cell, and what is no metric."""

import numpy as np

from safebench.metrics.metric import Metric


def _peak(evidence):
    return float(evidence.map.max())


def _spread(cell):
    return float(np.ptp(cell.scores)) if cell.scores.size else float("nan")


MAP_PEAK = Metric(
    key="map_peak",
    name="Peak",
    meaning="Largest value of the map, mean over images.",
    subject="localisation",
    compute=_peak,
    needs=frozenset(("map",)),
    better="low",
    tolerance=1e-4,
)
SCORE_SPREAD = Metric(
    key="score_spread",
    name="Spread",
    meaning="Largest score of a cell minus its smallest.",
    subject="detection",
    compute=_spread,
    needs=frozenset(("scores",)),
    level="cell",
    better="low",
)
TAKEN = Metric(
    key="auc",
    name="Mine",
    meaning="A key that is taken.",
    subject="localisation",
    compute=_peak,
    needs=frozenset(("map",)),
)
