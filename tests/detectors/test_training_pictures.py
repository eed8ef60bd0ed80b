"""The training pictures of detectors: who fills what, whole photos of other histories, pictures of finished runs."""

from __future__ import annotations

import numpy as np
import pytest
from safebench_detectors._examples import Fillers, Finished, Mixture
from safebench_detectors._resynthesis import recompressed, resynthesise, varied

import safebench
from safebench.errors import ConfigError
from safebench.inputs.images import save_png
from safebench.testing import inputs

SIDE = 64


def _rng(seed=0):
    return np.random.default_rng(seed)


def test_an_inpainter_draws_anew_for_each_example(photo, hole):
    fillers, rng = Fillers(["noise"]), _rng()
    first, second = (fillers.fill("noise", photo, hole, rng) for _ in range(2))
    assert (first[hole] != second[hole]).any()


def test_shares_are_kept(photo, hole):
    mixture = Mixture(Fillers(["telea"]), Finished(()), untouched=0.25, drawn_anew=0.0)
    rng = _rng()
    untouched = sum(not mixture.draw(photo, hole, rng)[1].any() for _ in range(200))
    assert 30 <= untouched <= 70


@pytest.mark.parametrize("seed", range(12))
def test_what_is_drawn_anew_resembles_a_photo_and_leaves_the_rest(photo, hole, seed):
    drawn = resynthesise(photo, hole, _rng(seed))
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[~hole], photo[~hole])
    likeness = [
        np.abs(drawn[hole].mean(axis=0) - turned[hole].mean(axis=0)).max() for turned in (photo, photo[:, ::-1])
    ]
    assert min(likeness) < 12


def test_a_white_sky_is_drawn_anew_as_a_white_sky(hole):
    white = np.full((SIDE, SIDE, 3), 255, np.uint8)
    white[:, ::16] = 252
    for seed in range(40):
        assert resynthesise(white, hole, _rng(seed)).min() > 200


def test_photos_of_other_histories_change_as_a_whole(photo, hole):
    for seed in range(12):
        other = varied(photo, _rng(seed))
        assert other.dtype == np.uint8
        assert other.shape == photo.shape
        assert (other != photo).mean() > 0.3
        assert np.abs(other.mean(axis=(0, 1)) - photo.mean(axis=(0, 1))).max() < 6
    picture, filled = Mixture(Fillers(()), Finished(()), untouched=1.0, drawn_anew=0.0, varied=1.0).draw(
        photo, np.zeros((SIDE, SIDE), bool), _rng()
    )
    assert not filled.any()
    assert (picture != photo).mean() > 0.3


def test_compression_at_the_end_reaches_filled_and_untouched_pictures_alike(photo, hole):
    for seed in range(8):
        other = recompressed(photo, _rng(seed))
        assert other.shape == photo.shape
        assert other.dtype == np.uint8
        assert (other != photo).mean() > 0.3
        assert np.abs(other.astype(float) - photo).mean() < 12
    for untouched in (0.0, 1.0):
        mixture = Mixture(Fillers(["telea"]), Finished(()), untouched=untouched, drawn_anew=0.0, recompressed=1.0)
        picture, filled = mixture.draw(photo, hole, _rng())
        assert filled.any() != bool(untouched)
        assert (picture != photo)[~hole].mean() > 0.3  # the known pixels too


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    photos = folder / "photos"
    for number, image in enumerate(inputs.photos(2, (96, 96))):
        save_png(photos / f"{number}.png", image)
    safebench.run(inpainters=["telea"], images=str(photos), bins="30-40", size=96, out=folder / "run")
    return folder / "run"


def test_pictures_of_finished_runs_are_cropped_with_their_holes(run, photo, hole):
    whole = Finished((str(run),)).draw((96, 96), _rng())
    assert 0.3 < whole[1].mean() <= 0.4
    image, filled = Mixture(Fillers(()), Finished((str(run),)), untouched=0.0, drawn_anew=0.0).draw(
        photo, hole, _rng(1)
    )
    assert image.shape == (SIDE, SIDE, 3)
    assert filled.any()
    assert not filled.all()
    assert not np.array_equal(filled, hole)  # the run's hole, not the engine's


def test_a_folder_without_composites_and_pictures_that_are_too_small_are_told(run, tmp_path):
    with pytest.raises(ConfigError, match="holds none; make them with: safebench run"):
        _ = Finished((str(tmp_path),)).pairs
    with pytest.raises(ConfigError, match="96x96 pixels, the training's resolution is 128x128"):
        Finished((str(run),)).draw((128, 128), _rng())
