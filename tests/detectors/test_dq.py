"""DQ: the step of a first compression, and what was compressed once, in JPEG files made here."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from safebench_detectors._double_quantisation import fit
from safebench_detectors._jpeg_files import coded_luminance
from safebench_detectors.dq.adapter import clipped_blocks, evidence
from sklearn.metrics import roc_auc_score

from safebench.inputs.images import read_photo
from safebench.models import calling
from safebench.testing import inputs

SIZE = (200, 244)


def file_of(image, path, quality, **options):
    Image.fromarray(image).save(path, "JPEG", quality=quality, **options)
    return path


def compressed(image, quality):
    buffer = io.BytesIO()
    file_of(image, buffer, quality)
    return np.asarray(Image.open(buffer)).copy()


def look(path):
    detector = calling.load_detector("dq", device="cpu")
    found = calling.detect(detector, read_photo(path)[None], [path])
    return found.maps[0], found.scores[0]


@pytest.fixture(scope="module")
def photo():
    return inputs.photos(1, SIZE)[0]


@pytest.fixture(scope="module")
def hole():
    hole = np.zeros(SIZE, bool)
    hole[48:128, 64:168] = True
    return hole


@pytest.fixture(scope="module")
def forged(photo, hole):
    """The photo compressed at 60, with a filling that was not."""
    return np.where(hole[..., None], photo, compressed(photo, 60))


def test_the_first_step_and_the_share_compressed_once_are_found():
    rng = np.random.default_rng(0)
    once, before = rng.laplace(0, 12, 1000), rng.laplace(0, 12, 20_000)
    twice = 9 * np.rint(rng.laplace(0, 12, 4000) / 9) + rng.normal(0, 0.3, 4000)
    found = fit(np.rint(np.concatenate([once, twice]) / 4).astype(int), before, 4)
    assert found.step == 9
    assert found.single == pytest.approx(0.2, abs=0.03)
    assert found.gain > 0.2 * 5000
    ratio = found.of(np.array([1, 2]))  # of 9, 18, 27 none lies in the second bin from 2 to 6, two rounds to 7.9
    assert ratio[0] > 2
    assert ratio[1] < 0


def test_values_compressed_once_give_no_first_step():
    rng = np.random.default_rng(0)
    found = fit(np.rint(rng.laplace(0, 12, 5000) / 4).astype(int), rng.laplace(0, 12, 20_000), 4)
    assert found.gain < 0.01 * 5000


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}])
def test_a_filling_is_found_in_a_photo_compressed_before(tmp_path, forged, hole, options):
    map_, score = look(file_of(forged, tmp_path / "x.jpg", 90, **options))
    assert map_.shape == SIZE
    assert roc_auc_score(hole.ravel(), map_.ravel()) > 0.98
    assert map_[hole].mean() > 0.8
    assert map_[~hole].mean() < 0.1
    assert score > 0.9


def test_a_gray_file_is_read_too(tmp_path, forged, hole):
    map_, _ = look(file_of(np.asarray(Image.fromarray(forged).convert("L")), tmp_path / "x.jpg", 90))
    assert roc_auc_score(hole.ravel(), map_.ravel()) > 0.95


def test_the_map_is_turned_as_the_picture_is(tmp_path, forged):
    exif = Image.Exif()
    exif[0x0112] = 6
    straight, _ = look(file_of(forged, tmp_path / "x.jpg", 90))
    turned, _ = look(file_of(forged, tmp_path / "turned.jpg", 90, exif=exif))
    np.testing.assert_array_equal(turned, np.rot90(straight, -1))


def test_it_says_nothing_where_nothing_was_compressed_twice(tmp_path, photo, forged):
    Image.fromarray(forged).save(tmp_path / "x.png")
    Image.fromarray(forged).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=90)
    silent = [tmp_path / "x.png", tmp_path / "cmyk.jpg", file_of(photo, tmp_path / "once.jpg", 90)]
    for path in silent:
        map_, score = look(path)
        assert not map_.any()
        assert score == 0


@pytest.mark.parametrize("side", [64, 128, 192])
@pytest.mark.parametrize("quality", [60, 95])
def test_chance_flags_no_small_picture(tmp_path, photo, side, quality):
    for down, right in ((0, 0), (3, 5), (6, 44)):
        map_, _ = look(file_of(photo[down : down + side, right : right + side], tmp_path / "x.jpg", quality))
        assert not map_.any()


def test_of_a_photo_compressed_twice_it_flags_nothing(tmp_path, photo):
    map_, score = look(file_of(compressed(photo, 60), tmp_path / "x.jpg", 90))
    assert map_.max() < 0.5
    assert score < 0.5


def test_clipped_blocks_have_no_say(tmp_path, forged):
    bright = forged.copy()
    bright[:24, :24] = 255
    coded = coded_luminance(file_of(bright, tmp_path / "x.jpg", 90))
    assert clipped_blocks(coded.clipped)[:3, :3].all()
    found = evidence(coded)
    assert found[0, 0] == -np.inf
    assert np.isfinite(found[4:, 4:]).all()


def test_a_photo_that_is_all_clipped_says_nothing(tmp_path):
    map_, _ = look(file_of(np.full((64, 64, 3), 255, np.uint8), tmp_path / "x.jpg", 90))
    assert not map_.any()


def test_pixels_alone_say_nothing():
    detector = calling.load_detector("dq", device="cpu")
    found = calling.detect(detector, inputs.photos(2, (64, 72)))
    assert not found.maps.any()
