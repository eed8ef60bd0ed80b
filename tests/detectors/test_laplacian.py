"""The parts of `laplacian`, and its figures on real photos."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from safebench_detectors._histories import views
from safebench_detectors.laplacian import calibrate
from safebench_detectors.laplacian import classifier as laplacian
from safebench_detectors.laplacian.features import (
    COUNT,
    INTRA,
    laplacian_change,
    local_variances,
    without_evidence,
)
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from safebench.errors import WeightsError
from safebench.inputs.images import save_png, to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.models import calling
from safebench.protocol import Bin
from safebench.testing import inputs

CLASSIFIER = Path(laplacian.__file__).with_name("classifier.json")


def colour(plane):
    return np.repeat(plane[..., None], 3, axis=2).astype(np.float32)


@pytest.fixture(scope="module")
def noisy():
    """uint8 64 x 80 x 3, far from black and white."""
    return np.random.default_rng(0).integers(60, 200, (64, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "surface",
    [lambda x, y: 2 * x - 3 * y, lambda x, y: x * x - y * y, lambda x, y: x * y, lambda x, y: x * x + y * y],
    ids=["ramp", "saddle", "turned saddle", "bowl"],
)
def test_the_laplacian_does_not_change_where_it_is_constant(surface):
    y, x = np.mgrid[-10:11, -10:11] / 4
    change = laplacian_change(colour(surface(x, y)))
    np.testing.assert_allclose(change[2:-2, 2:-2], 0, atol=1e-4)


def test_the_change_is_that_of_a_loop_over_the_pixels(noisy):
    change = laplacian_change(noisy.astype(np.float32))
    image = noisy.astype(float)

    def laplacian_at(y, x, c):
        return image[y - 1, x, c] + image[y + 1, x, c] + image[y, x - 1, c] + image[y, x + 1, c] - 4 * image[y, x, c]

    for y, x, c in np.random.default_rng(1).integers([2, 2, 0], [62, 78, 3], (200, 3)):
        across, down = image[y, x + 1, c] - image[y, x - 1, c], image[y + 1, x, c] - image[y - 1, x, c]
        if across == down == 0:
            assert change[y, x, c] == 0
            continue
        to_x, to_y = -down / math.hypot(across, down), across / math.hypot(across, down)
        beside, below = x + int(np.sign(to_x)), y + int(np.sign(to_y))
        a, b = abs(to_x), abs(to_y)
        further = (1 - b) * ((1 - a) * laplacian_at(y, x, c) + a * laplacian_at(y, beside, c))
        further += b * ((1 - a) * laplacian_at(below, x, c) + a * laplacian_at(below, beside, c))
        assert change[y, x, c] == pytest.approx(further - laplacian_at(y, x, c), abs=1e-2)


def test_the_variances_are_those_of_the_windows(noisy):
    change = laplacian_change(noisy.astype(np.float32))
    found = local_variances(change)
    assert found.shape == (64, 80, COUNT)
    y, x = 30, 41
    for c in range(3):
        assert found[y, x, c] == pytest.approx(change[y - 1 : y + 2, x - 1 : x + 2, c].var(), rel=1e-3)
        around = [
            change[j - 2 : j + 3, i - 2 : i + 3, c].var() for j in range(y - 1, y + 2) for i in range(x - 1, x + 2)
        ]
        assert found[y, x, 3 + c] == pytest.approx(min(around), rel=1e-3)
    inter = 3 * len(INTRA)
    assert found[y, x, inter] == pytest.approx(change[y, x].var(), rel=1e-3)
    assert found[y, x, inter + 1] == pytest.approx(change[y - 1 : y + 2, x - 1 : x + 2].var(), rel=1e-3)


def test_flat_and_clipped_areas_are_no_evidence(noisy):
    image = np.tile(noisy, (2, 2, 1))
    image[10:50, 10:50] = 128
    image[80:100, 80:100, 1] = 255
    image[20, 120] = 0
    silent = without_evidence(image, local_variances(laplacian_change(image.astype(np.float32))))
    assert silent[20:40, 20:40].all()
    assert silent[78:102, 78:102].all()
    assert not silent[60:70].any()
    assert not silent[20, 110:130].any(), "one clipped pixel alone is no clipped area"


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_flat_image_is_not_flagged(level):
    found = calling.detect(calling.load_detector("laplacian"), np.full((1, 64, 96, 3), level, np.uint8))
    assert found.maps.max() < 0.05


def test_a_tall_image_is_the_same_in_strips(noisy, monkeypatch):
    image = np.tile(noisy, (6, 1, 1))
    classifier = laplacian.read_classifier(CLASSIFIER)
    whole = laplacian.locate(image, classifier)
    monkeypatch.setattr(laplacian, "_STRIP", 37)
    np.testing.assert_allclose(laplacian.locate(image, classifier), whole, atol=1e-6)


def test_a_diffused_hole_stands_out():
    y, x = np.mgrid[:128, :128]
    waves = 120 + 30 * np.sin(x / 9) + 25 * np.cos((x + 2 * y) / 13)
    photo = (waves[..., None] + np.random.default_rng(0).normal(0, 5, (128, 128, 3))).clip(0, 255).astype(np.uint8)
    hole = (x - 60) ** 2 + (y - 70) ** 2 < 30**2
    filled = cv2.inpaint(photo, hole.astype(np.uint8), 3, cv2.INPAINT_NS).astype(np.uint8)
    found = calling.detect(calling.load_detector("laplacian"), np.stack([photo, filled]))
    assert found.scores[0] < 0.5 <= found.scores[1]
    assert roc_auc_score(hole.ravel(), found.maps[1].ravel()) > 0.95


@pytest.mark.parametrize("content", ["", "{}", '{"hidden": []}'], ids=["empty", "no fields", "a field alone"])
def test_a_file_that_is_no_classifier_is_refused(tmp_path, content):
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(WeightsError, match=r"mine\.json"):
        calling.load_detector("laplacian", weights=path)


def test_a_classifier_of_other_sizes_is_refused(tmp_path):
    path = tmp_path / "mine.json"
    text = CLASSIFIER.read_text()
    path.write_text(text.replace('"hidden_bias": [', '"hidden_bias": [ 0.0,', 1))
    with pytest.raises(WeightsError, match="do not fit 16 features"):
        calling.load_detector("laplacian", weights=path)


def test_calibration_puts_one_view_in_twenty_at_a_score_of_a_half(tmp_path, monkeypatch, capsys):
    for number, image in enumerate(inputs.photos(7, (140, 160))):
        save_png(tmp_path / "photos" / f"{number}.png", image)
    out = tmp_path / "mine.json"
    monkeypatch.setattr("sys.argv", ["calibrate", str(CLASSIFIER), str(tmp_path / "photos"), "--out", str(out)])
    calibrate.main()
    assert capsys.readouterr().out.endswith("from 21 views of photos\n")
    before, after = laplacian.read_classifier(CLASSIFIER), laplacian.read_classifier(out)
    assert msgspec.structs.replace(after, threshold=before.threshold) == before
    evidence = [
        calling.top1_mean(laplacian.smoothed_log_odds(view, after)) for view in views([str(tmp_path / "photos")])
    ]
    limit = np.quantile(evidence, 0.95)
    assert expit(after.slope * (limit - after.threshold)) * expit(limit) == pytest.approx(0.5, abs=2e-3)


@pytest.mark.slow
def test_it_finds_diffusion_in_real_photos(shared):
    photos = np.stack(
        [to_square(p.load(), 256) for p in open_photos(str(shared / "data/bsds500/test")).photos()[:36:3]]
    )
    masks = open_masks(str(shared / "data/nvidia_irregular/testing_mask_dataset"), 0)
    holes = np.stack([masks.load(name, 256) for name in masks.index(256)[Bin(4)][:12]])
    detector = calling.load_detector("laplacian")

    def mean_auc(name):
        filler = calling.load_inpainter(name, device="cpu")
        images = calling.composite(photos, holes, calling.inpaint(filler, photos, holes))
        found = calling.detect(detector, images)
        aucs = [roc_auc_score(hole.ravel(), found_.ravel()) for hole, found_ in zip(holes, found.maps, strict=True)]
        return np.mean(aucs), np.mean(found.scores >= 0.5)

    auc, flagged = mean_auc("navier-stokes")
    assert auc > 0.93
    assert flagged > 0.9
    auc, flagged = mean_auc("telea")
    assert auc > 0.90
    assert flagged > 0.6
    assert mean_auc("copy")[1] <= 1 / 12
