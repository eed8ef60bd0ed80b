"""MMFusion: the authors' map on drawn weights, its residuals, large pictures, and the checkpoints that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safebench_detectors.mmfusion import adapter
from safebench_detectors.mmfusion.network import EPS, PATCH_EPS
from safebench_detectors.mmfusion.residuals import FixedFilters

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract, inputs
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(drawn):
    return drawn("mmfusion")


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_detector("mmfusion", weights=checkpoint, device="cpu")


class TestContract(DetectorContract):
    name = "mmfusion"
    batch = 2

    @pytest.fixture(autouse=True)
    def _loaded_once(self, model, monkeypatch):
        """Its numbers take longer to read than to be looked at with."""
        monkeypatch.setattr(self, "_load", lambda *_: model)


def test_computes_what_the_authors_code_computes(model, golden_map):
    golden_map(model)


def test_every_norm_has_the_epsilon_that_the_authors_set(model):
    norms = {
        name: layer.eps
        for name, layer in model._network.named_modules()
        if isinstance(layer, torch.nn.LayerNorm | torch.nn.BatchNorm2d)
    }
    behind_patches = {f"backbone.extra_downsample_layers.{stage}.norm.ln_0" for stage in range(4)}
    assert {name for name, eps in norms.items() if eps == PATCH_EPS} == behind_patches
    assert {eps for name, eps in norms.items() if name not in behind_patches} == {EPS}


def test_fixed_filters_cut_their_residuals_off():
    layer = FixedFilters()
    layer.filters[:, :, 2, 2] = 1
    found = layer(torch.tensor([-9.0, 0.5, 9.0]).view(1, 1, 1, 3).expand(1, 3, 4, 3))
    assert found[0, 0, 0].tolist() == [-2, 1.5, 2]


def test_a_large_picture_is_brought_to_the_longest_side_and_its_map_back(model, monkeypatch):
    photos = inputs.photos(1, (64, 96))
    whole = calling.detect(model, photos)
    monkeypatch.setattr(adapter, "LONGEST", 48)
    smaller = adapter._within(torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255)
    assert smaller.shape == (1, 3, 32, 48)
    found = calling.detect(model, photos)
    assert found.maps.shape == (1, 64, 96)
    assert found.scores[0] != whole.scores[0]


def test_refuses_what_does_not_fit(model, checkpoint: Path):
    held = load_state(checkpoint)
    with pytest.raises(WeightsError, match=r"missing \(backbone.modal_mix"):
        fit(model._network, {k: v for k, v in held["state_dict"].items() if "modal_mix" not in k}, "x")
    with pytest.raises(WeightsError, match=r"unexpected \(more\)"):
        fit(model._residuals, {**held["extractor_state_dict"], "more": torch.zeros(1)}, "x")
    wide = {**held["extractor_state_dict"], "srm.filters": torch.zeros(3, 3, 7, 7)}
    with pytest.raises(WeightsError, match=r"misshapen \(srm.filters: \[3, 3, 7, 7\], not \[3, 3, 5, 5\]\)"):
        fit(model._residuals, wide, "x")


def test_a_checkpoint_without_its_residuals_is_refused(checkpoint: Path, tmp_path: Path):
    torch.save({"state_dict": load_state(checkpoint)["state_dict"]}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="has no 'extractor_state_dict', only state_dict"):
        load_detector("mmfusion", weights=tmp_path / "x.pth", device="cpu")


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(refuses_code):
    refuses_code("mmfusion", lambda held: {"state_dict": {"conf_head.linear_pred.bias": held}})
