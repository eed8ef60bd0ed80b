from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.st_lpips import NETWORK, ST_LPIPS


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("stlpips_pytorch", reason="an extra")
    assert ST_LPIPS.network is not None
    return ST_LPIPS.network.load(torch.device("cpu"))


def test_a_shift_is_less_than_another_picture(network):
    generator = np.random.default_rng(0)

    def picture() -> np.ndarray:
        smooth = gaussian_filter(generator.random((64, 64, 3)), (3, 3, 0))
        return (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)

    original, other = picture(), picture()
    hole = np.ones((64, 64), dtype=bool)

    def distance(composite: np.ndarray) -> float:
        return ST_LPIPS.compute(CompositeEvidence(composite, original, hole, {NETWORK: network}))

    assert distance(original) == 0
    assert 0 < distance(np.roll(original, 1, axis=1)) < distance(other) / 4
