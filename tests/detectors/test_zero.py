"""ZERO: votes, their number of false alarms, and regions of another grid or of none in pictures made here."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image
from safebench_detectors._block_dct import luminance
from safebench_detectors.zero import regions, voting
from scipy.fft import dctn
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from safebench.models import calling
from safebench.testing import inputs

SIZE = (128, 160)


def compressed(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).copy()


@pytest.fixture(scope="module")
def photo():
    return inputs.photos(1, SIZE)[0]


@pytest.fixture(scope="module")
def jpeg(photo):
    return compressed(photo, 80)


@pytest.fixture
def hole():
    hole = np.zeros(SIZE, bool)
    hole[32:100, 40:120] = True
    return hole


@pytest.fixture(scope="module")
def zero():
    return calling.load_detector("zero", device="cpu")


def test_zeros_are_those_of_a_loop(photo):
    grey = luminance(photo[:20, :22])
    counted = voting.count_zeros(grey)
    assert counted.shape == (13, 15)
    for y, x in ((0, 0), (3, 7), (12, 14)):
        block = dctn(grey[y : y + 8, x : x + 8].astype(float), norm="ortho").ravel()
        assert counted[y, x] == (np.abs(block[1:]) < 0.499).sum()


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, 5), (7, 1)])
def test_the_picture_votes_for_the_grid_it_was_compressed_on(jpeg, down, right):
    cut = jpeg[down:, right:]
    vote = voting.votes(luminance(cut))
    grid = 8 * (-down % 8) + -right % 8
    assert regions.main_grid(vote) == grid
    assert (vote[7:-7, 7:-7] == grid).mean() > 0.5
    border = np.ones(vote.shape, bool)
    border[7:-7, 7:-7] = False
    assert (vote[border] == voting.NONE).all()


def test_a_photo_without_compression_has_no_grid(photo):
    assert regions.main_grid(voting.votes(luminance(photo))) == voting.NONE


def test_areas_that_are_constant_along_a_direction_do_not_vote():
    ramp = np.tile(np.linspace(20, 230, 64).astype(np.float32), (64, 1))
    assert (voting.votes(ramp) == voting.NONE).all()
    assert (voting.votes(ramp.T.copy()) == voting.NONE).all()


def test_false_alarms_are_the_papers_equation():
    found = regions.surprise(100 * 64, 20 * 64, (200, 300))
    tests = 64 * 60_000 * math.sqrt(60_000)
    assert found == pytest.approx(-math.log10(tests * binom.sf(19, 100, 1 / 64)))
    assert regions.surprise(10**7, 10**7, (5000, 5000)) == regions.MOST


def test_votes_hang_together_as_in_a_search_from_neighbour_to_neighbour():
    rng = np.random.default_rng(0)
    votes = rng.random((90, 110)) < 0.006
    todo = {tuple(p) for p in np.argwhere(votes)}
    groups = set()
    while todo:
        group, front = set(), {next(iter(todo))}
        while front:
            group |= front
            front = {
                p for p in todo - group if any(max(abs(p[0] - q[0]), abs(p[1] - q[1])) <= regions.REACH for q in front)
            }
        todo -= group
        groups.add(frozenset(group))
    assert len(groups) > 3
    labelled = regions.linked(votes)[0]
    names = {frozenset(map(tuple, np.argwhere(votes & (labelled == k)))) for k in np.unique(labelled[votes])}
    assert names == groups


def test_a_patch_from_another_place_of_the_picture_is_found(zero, jpeg, hole):
    forged = jpeg.copy()
    forged[hole] = np.roll(jpeg, (3, 5), (0, 1))[hole]
    found = calling.detect(zero, forged[None])
    assert roc_auc_score(hole.ravel(), found.maps[0].ravel()) > 0.9
    assert found.maps[0][~hole].mean() < 0.1
    assert found.scores[0] == found.maps[0].max() > 0.9


def test_a_patch_that_fits_the_grid_is_not(zero, jpeg, hole):
    forged = jpeg.copy()
    forged[hole] = np.roll(jpeg, (16, 8), (0, 1))[hole]
    assert calling.detect(zero, forged[None]).scores[0] == 0


def test_a_filling_that_was_never_compressed_is_found(zero, jpeg, hole):
    smooth = np.linspace(120, 150, SIZE[1])[:, None] + np.random.default_rng(0).normal(0, 0.8, (*SIZE, 1))
    forged = np.where(hole[..., None], np.rint(smooth), jpeg).astype(np.uint8)
    found = calling.detect(zero, forged[None])
    assert roc_auc_score(hole.ravel(), found.maps[0].ravel()) > 0.7
    assert found.scores[0] > 0.5


@pytest.mark.parametrize("quality", [None, 75, 95])
def test_untouched_pictures_get_nothing(zero, photo, quality):
    shown = photo if quality is None else compressed(photo, quality)
    found = calling.detect(zero, shown[None])
    assert not found.maps.any()
    assert found.scores[0] == 0
