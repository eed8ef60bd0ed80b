"""Mesorch: the authors' maps on drawn weights, its frequencies, and the checkpoints that it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safebench_detectors.mesorch import adapter
from safebench_detectors.mesorch.network import NOT_USED, cosines, frequencies
from scipy.fft import dctn, idctn

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(drawn):
    return drawn("mesorch")


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_detector("mesorch", weights=checkpoint, device="cpu")


@pytest.fixture(scope="module", autouse=True)
def _small_square():
    """128 pixels a side, a sixteenth of the work."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(adapter, "SIDE", 128)
        yield


class TestContract(DetectorContract):
    name = "mesorch"
    batch = 2

    @pytest.fixture(autouse=True)
    def _loaded_once(self, model, monkeypatch):
        """Its 85 million numbers take longer to read than to be looked at with."""
        monkeypatch.setattr(self, "_load", lambda *_: model)


def test_computes_what_the_authors_code_computes(model, golden_map):
    golden_map(model)


@pytest.mark.slow
def test_the_pruned_network_is_known_by_its_keys(drawn, golden_map):
    golden_map(load_detector("mesorch", weights=drawn("mesorch-p"), device="cpu"), "mesorch-p")


def test_frequencies_are_those_of_the_cosine_transform():
    picture = np.random.default_rng(0).normal(size=(3, 80, 100))
    transformed = dctn(picture, axes=(1, 2), norm="ortho")
    parts = []
    for gone in (np.s_[:, :4, :5], np.s_[:, -76:, -95:]):
        kept = transformed.copy()
        kept[gone] = 0
        part = idctn(kept, axes=(1, 2), norm="ortho")
        parts.append((part - part.min()) / (part.max() - part.min()))
    computed = frequencies(torch.from_numpy(picture).float()[None])
    for part, expected in zip(computed, parts, strict=True):
        np.testing.assert_allclose(part[0].numpy(), expected, atol=1e-3)


def test_the_cosines_are_rounded_as_the_authors_are():
    exact = dctn(np.eye(512), axes=0, norm="ortho")
    off = np.abs(cosines(512, torch.device("cpu")).numpy() - exact).max()
    assert 1e-6 < off < 1e-4


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_flat_picture_has_a_map_without_holes(model, level):
    assert np.isfinite(calling.detect(model, np.full((1, 128, 128, 3), level, np.uint8)).maps).all()


def test_refuses_what_does_not_fit(model, checkpoint):
    state = load_state(checkpoint)["model"]
    without = {key: value for key, value in state.items() if key != "gate.conv2.bias"}
    with pytest.raises(WeightsError, match=r"missing \(gate\.conv2\.bias\)"):
        fit(model._network, without, "x", skip=NOT_USED)
    with pytest.raises(WeightsError, match=r"unexpected \(segformer\.norm5\.bias\)"):
        fit(model._network, {**state, "segformer.norm5.bias": torch.zeros(1)}, "x", skip=NOT_USED)
    wide = {**state, "convnext.stem.0.weight": torch.zeros(96, 3, 4, 4)}
    with pytest.raises(
        WeightsError, match=r"misshapen \(convnext\.stem\.0\.weight: \[96, 3, 4, 4\], not \[96, 6, 4, 4\]\)"
    ):
        fit(model._network, wide, "x", skip=NOT_USED)


def test_a_file_without_its_network_is_refused(tmp_path):
    torch.save({"epoch": 98}, tmp_path / "mesorch-98.pth")
    with pytest.raises(WeightsError, match="has no 'model', only epoch"):
        load_detector("mesorch", weights=tmp_path / "mesorch-98.pth", device="cpu")


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(refuses_code):
    refuses_code("mesorch", lambda held: {"model": {"gate.conv2.bias": held}})
