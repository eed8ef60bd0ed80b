"""Noiseprint++'s residual on its published and on made-up weights, and the detector made of it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_detectors import _calibrate
from safebench_detectors._noiseprint_pp import NoiseprintPP, over_256
from sklearn.metrics import roc_auc_score

from safebench.errors import WeightsError
from safebench.inputs.images import to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.models import calling
from safebench.protocol import Bin
from safebench.testing import DetectorContract
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def published(shared):
    return shared / "weights" / "noiseprint_pp" / "noiseprint++.th"


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "parity" / "noiseprint_pp" / "golden_0.npz") as case:
        return {key: torch.from_numpy(case[key]) for key in case}


class TestContract(DetectorContract):
    name = "noiseprint"

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, published):
        self.weights = published


def residual(checkpoint: Path, image: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    network = NoiseprintPP().eval()
    fit(network, load_state(checkpoint)["network"], checkpoint.name)
    with torch.inference_mode():
        picture = over_256(image.permute(2, 0, 1)[None] / 255)
        return network.to(dtype)(picture.to(dtype))[0, 0]


def test_residual_of_the_published_weights(published, golden):
    """They are badly conditioned: three digits cancel in float32, so it is compared at 1e-3 there."""
    torch.testing.assert_close(residual(published, golden["image"]), golden["noiseprint_exact"], atol=1e-3, rtol=0)
    exact = residual(published, golden["image"], torch.float64)
    torch.testing.assert_close(exact.float(), golden["noiseprint_exact"], atol=1e-6, rtol=0)


def test_residual_of_made_up_weights(rebuilt, golden):
    found = residual(rebuilt("noiseprint_pp") / "noiseprint++.th", golden["image"])
    torch.testing.assert_close(found, golden["recipe_noiseprint"], atol=2e-5, rtol=0)


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_flat_image_says_nothing(published, level):
    detector = calling.load_detector("noiseprint", weights=published)
    found = calling.detect(detector, np.full((1, 96, 64, 3), level, np.uint8))
    assert not found.maps.any()
    assert found.scores == 0


@pytest.mark.slow
def test_it_finds_filled_holes_in_real_photos(shared, published):
    photos = np.stack([to_square(p.load(), 256) for p in open_photos(str(shared / "data/bsds500/test")).photos()[:5]])
    masks = open_masks(str(shared / "data/nvidia_irregular/testing_mask_dataset"), 0)
    holes = np.stack([masks.load(name, 256) for name in masks.index(256)[Bin(4)][:5]])
    filler = calling.load_inpainter("telea", device="cpu")
    images = calling.composite(photos, holes, calling.inpaint(filler, photos, holes))
    found = calling.detect(calling.load_detector("noiseprint", weights=published, device="cpu"), images)
    aucs = [roc_auc_score(hole.ravel(), map_.ravel()) for hole, map_ in zip(holes, found.maps, strict=True)]
    assert np.mean(aucs) > 0.75


def test_a_checkpoint_of_another_network_is_refused(rebuilt):
    with pytest.raises(WeightsError, match="has no 'network', only state_dict"):
        calling.load_detector("noiseprint", weights=rebuilt("trufor") / "trufor.pth.tar")


def test_calibration_prints_the_limit_and_how_many_photos_gave_it(shared, tmp_path, monkeypatch, capsys):
    for photo in sorted((shared / "data/bsds500/train").glob("*.jpg"))[:3]:
        shutil.copy(photo, tmp_path)
    monkeypatch.setattr(sys, "argv", ["_calibrate", "splicebuster", "--histories", str(tmp_path)])
    _calibrate.main()
    limit, _, count = capsys.readouterr().out.partition(", ")
    assert np.isfinite(float(limit))
    assert count == "from 9 views of photos\n"

    monkeypatch.setattr(sys, "argv", ["_calibrate", "exemplar", str(tmp_path)])
    with pytest.raises(SystemExit):
        _calibrate.main()
    assert "does not tell two classes apart" in capsys.readouterr().err
