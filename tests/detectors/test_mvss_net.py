"""MVSS-Net: the authors' map on drawn weights, its filters and attention, and the checkpoints that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safebench_detectors._bayar import BayarConv
from safebench_detectors.mvss_net import adapter
from safebench_detectors.mvss_net.network import ChannelAttention, PositionAttention

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract, inputs
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(drawn):
    return drawn("mvss-net")


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_detector("mvss-net", weights=checkpoint, device="cpu")


@pytest.fixture(autouse=True)
def _small_square(monkeypatch):
    """A sixteenth of the work; the authors' script has an option for the side."""
    monkeypatch.setattr(adapter, "SIDE", 128)


@pytest.mark.slow
class TestContract(DetectorContract):
    name = "mvss-net"
    batch = 2

    @pytest.fixture(autouse=True)
    def _loaded_once(self, model, monkeypatch):
        """Its 147 million numbers take longer to read than to be looked at with."""
        monkeypatch.setattr(self, "_load", lambda *_: model)


def test_computes_what_the_authors_code_computes(model, golden_map):
    golden_map(model)


def test_the_score_is_the_maps_highest_value_before_it_is_resized(model):
    found = calling.detect(model, inputs.photos(1, (40, 60)))
    same_size = calling.detect(model, inputs.photos(1, (128, 128)))
    assert found.scores[0] >= found.maps.max()
    assert same_size.scores[0] == pytest.approx(same_size.maps.max(), abs=1e-6)


def test_filters_of_the_residual_take_the_middle_away():
    layer = BayarConv(1, 3)
    layer.kernel.data = torch.rand(1, 3, 24, generator=torch.Generator().manual_seed(0))
    flat = layer(torch.full((1, 1, 9, 9), 7.0))
    torch.testing.assert_close(flat[:, :, 2:-2, 2:-2], torch.zeros(1, 3, 5, 5), atol=1e-5, rtol=0)
    point = torch.zeros(1, 1, 9, 9)
    point[0, 0, 4, 4] = 1
    torch.testing.assert_close(layer(point)[0, :, 4, 4], -torch.ones(3))


def test_attentions_are_those_of_loops():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 16, 2, 3, generator=generator)
    flat = x[0].flatten(1)
    channels = ChannelAttention()
    channels.beta.data.fill_(0.5)
    for c in range(16):
        alike = flat @ flat[c]
        expected = 0.5 * (alike.max() - alike).softmax(dim=0) @ flat + flat[c]
        torch.testing.assert_close(channels(x)[0, c].flatten(), expected)
    positions = PositionAttention(16)
    positions.alpha.data.fill_(0.5)
    with torch.inference_mode():
        query, key, value = (layer(x)[0].flatten(1) for layer in (positions.conv_b, positions.conv_c, positions.conv_d))
        found = positions(x)[0].flatten(1)
        for p in range(6):
            expected = 0.5 * value @ (query[:, p] @ key).softmax(dim=0) + flat[:, p]
            torch.testing.assert_close(found[:, p], expected)


def test_refuses_what_does_not_fit(model, checkpoint: Path):
    state = load_state(checkpoint)
    with pytest.raises(WeightsError, match=r"missing \(constrain_conv.kernel"):
        fit(model._network, {k: v for k, v in state.items() if "constrain" not in k}, "x", skip=adapter.NOT_USED)
    with pytest.raises(WeightsError, match=r"unexpected \(more\)"):
        fit(model._network, {**state, "more": torch.zeros(1)}, "x", skip=adapter.NOT_USED)
    wide = {**state, "constrain_conv.kernel": torch.zeros(1, 3, 25)}
    with pytest.raises(WeightsError, match=r"misshapen \(constrain_conv.kernel: \[1, 3, 25\], not \[1, 3, 24\]\)"):
        fit(model._network, wide, "x", skip=adapter.NOT_USED)


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(refuses_code):
    refuses_code("mvss-net", lambda held: {"model.conv1.weight": held})
