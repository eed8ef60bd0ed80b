from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from safebench.metrics.ap import AP
from safebench.metrics.evidence import MapEvidence


@pytest.mark.parametrize("levels", [2, 7, 1 << 20])
@pytest.mark.parametrize("ratio", [0.02, 0.4, 1.0])
def test_equals_scikit_learn(levels, ratio):
    generator = np.random.default_rng(levels)
    hole = generator.random((40, 50)) < ratio
    scores = (np.floor((generator.random(hole.shape) + 0.4 * hole) / 1.4 * levels) / levels).astype(np.float32)
    expected = average_precision_score(hole.ravel(), scores.ravel())
    assert AP.compute(MapEvidence(scores, hole)) == pytest.approx(expected, abs=1e-12)


def test_a_map_without_a_clue_gets_the_hole_ratio_and_no_hole_gives_nothing():
    hole = np.zeros((8, 8), dtype=bool)
    assert math.isnan(AP.compute(MapEvidence(np.full((8, 8), 0.3, np.float32), hole)))
    hole[:2] = True
    assert AP.compute(MapEvidence(np.full((8, 8), 0.3, np.float32), hole)) == 0.25
