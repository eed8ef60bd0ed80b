from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.signal import convolve2d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from safebench.metrics.catalogue import DEFAULT, measure
from safebench.metrics.evidence import CompositeEvidence


def compare(composite: np.ndarray, original: np.ndarray, hole: np.ndarray) -> SimpleNamespace:
    """All metrics of quality that need no network, by their keys."""
    metrics = [m for m in DEFAULT if m.subject == "quality"]
    return SimpleNamespace(**measure(metrics, CompositeEvidence(composite, original, hole)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width = draw(st.integers(11, 16)), draw(st.integers(11, 16))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    original = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if draw(st.booleans()):
        original[:] = original[0, 0]
    hole = draw(hnp.arrays(np.bool_, (height, width)))
    filled = generator.integers(0, 256, original.shape, dtype=np.uint8)
    return np.where(hole[..., None], filled, original), original, hole


@settings(max_examples=100)
@given(cases())
def test_equals_scikit_image_and_the_definitions(case):
    composite, original, hole = case
    found = compare(composite, original, hole)
    difference = np.abs(composite / 255 - original / 255)
    assert math.isnan(found.lpips)  # no network at hand
    assert found.l1 == pytest.approx(difference.mean(), abs=1e-15)
    ssim = structural_similarity(
        composite, original, data_range=255, channel_axis=2, gaussian_weights=True, use_sample_covariance=False
    )
    assert found.ssim == pytest.approx(ssim, abs=1e-12)
    if (composite == original).all():
        assert found.psnr == math.inf
        assert found.ssim == 1
    else:
        assert found.psnr == pytest.approx(peak_signal_noise_ratio(original, composite, data_range=255), abs=1e-10)
    inside = difference[hole]
    if not hole.any():
        assert math.isnan(found.psnr_hole)
        assert math.isnan(found.l1_hole)
    else:
        assert found.l1_hole == pytest.approx(inside.mean(), abs=1e-15)
        expected = -10 * math.log10((inside**2).mean()) if inside.any() else math.inf
        assert found.psnr_hole == pytest.approx(expected, abs=1e-10)


def test_ssim_is_that_of_wang_et_al():
    """Written from the paper's formulas: an 11 x 11 Gaussian window of sigma 1.5, wherever it fits."""
    generator = np.random.default_rng(3)
    original = generator.integers(0, 256, (24, 31, 3), dtype=np.uint8)
    composite = np.clip(original + generator.normal(0, 30, original.shape), 0, 255).astype(np.uint8)
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    channels = []
    for channel in range(3):
        x, y = original[..., channel].astype(float), composite[..., channel].astype(float)
        mx, my, xx, yy, xy = (convolve2d(a, window, mode="valid") for a in (x, y, x * x, y * y, x * y))
        vx, vy, vxy = xx - mx**2, yy - my**2, xy - mx * my
        ssim = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
        channels.append(ssim.mean())
    found = compare(composite, original, np.ones((24, 31), dtype=bool))
    assert found.ssim == pytest.approx(np.mean(channels), abs=1e-10)


def test_known_values():
    original = np.full((16, 16, 3), 100, dtype=np.uint8)
    hole = np.zeros((16, 16), dtype=bool)
    hole[:8] = True
    composite = original.copy()
    composite[hole] = 110
    found = compare(composite, original, hole)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / 50))
    assert found.psnr_hole == pytest.approx(10 * math.log10(255**2 / 100))
    assert found.l1 == pytest.approx(5 / 255)
    assert found.l1_hole == pytest.approx(10 / 255)


def test_the_largest_difference_gives_0_db_and_an_l1_of_1():
    black = np.zeros((16, 16, 3), dtype=np.uint8)
    found = compare(~black, black, np.ones((16, 16), dtype=bool))
    assert (found.psnr, found.l1, found.psnr_hole, found.l1_hole) == (0, 1, 0, 1)


def test_images_of_other_sizes_are_refused():
    image, hole = np.zeros((16, 16, 3), dtype=np.uint8), np.zeros((16, 16), dtype=bool)
    with pytest.raises(ValueError, match="shapes differ"):
        compare(image, image[:15], hole)
    with pytest.raises(ValueError, match="shapes differ"):
        compare(image, image, hole[:15])
    with pytest.raises(ValueError, match="at least 11"):
        compare(image[:10], image[:10], hole[:10])
