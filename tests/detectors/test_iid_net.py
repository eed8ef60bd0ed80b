"""IID-Net: the authors' numbers, on the way and at the end, and always those of a freshly loaded network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_detectors.iid_net import network
from safebench_detectors.iid_net.network import Attention, IIDNet, constrained, network_input

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("iid_net") / "IID_weights.pth"


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "parity" / "iid_net" / "golden_0.npz") as case:
        return {key: torch.from_numpy(case[key]) for key in case}


@pytest.fixture(scope="module")
def iid_net(checkpoint):
    loaded = IIDNet().eval()
    fit(loaded, load_state(checkpoint), "IID_weights.pth", prefix="module.", skip=("median.",))
    return loaded


class TestContract(DetectorContract):
    name = "iid-net"

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes_however_often_it_is_called(checkpoint, golden):
    model = load_detector("iid-net", weights=checkpoint, device="cpu")
    for _ in range(3):
        found = calling.detect(model, golden["image"].numpy()[None])
        np.testing.assert_allclose(found.maps[0], golden["map"], atol=1e-5, rtol=0)


def test_features_on_the_way(iid_net, golden):
    with torch.inference_mode():
        picture = network_input(golden["image"].permute(2, 0, 1)[None] / 255)
        x = iid_net.enhance(picture)
        torch.testing.assert_close(x[0, :4], golden["enhancement_first4"], atol=1e-4, rtol=0)
        _same_statistics(x, golden, "enhancement")
        x = iid_net.extract(picture)
        torch.testing.assert_close(x[0, :16], golden["extraction_first16"], atol=1e-4, rtol=0)
        _same_statistics(x, golden, "extraction")
        _same_statistics(iid_net.att(x), golden, "attention")
        torch.testing.assert_close(iid_net.decide(x)[0, 0], golden["logit_before_median"], atol=1e-4, rtol=0)


def _same_statistics(x, golden, name):
    torch.testing.assert_close(x[0].mean(dim=(1, 2)), golden[f"{name}_mean"], atol=1e-4, rtol=0)
    torch.testing.assert_close(x[0].std(dim=(1, 2)), golden[f"{name}_std"], atol=1e-4, rtol=0)


def test_constraint_is_a_pure_function_of_the_stored_filters(iid_net, golden):
    before = iid_net.bayar_conv.weight.clone()
    torch.testing.assert_close(constrained(iid_net.bayar_conv.weight), golden["bayar_filters"], atol=1e-6, rtol=0)
    with torch.inference_mode():
        iid_net.enhance(torch.zeros(1, 3, 32, 32))
    assert torch.equal(iid_net.bayar_conv.weight, before)


@pytest.mark.parametrize("case", ["some", "none"])
@pytest.mark.parametrize("compared", [1 << 26, 3000])
def test_attention_with_few_and_with_no_neighbours_that_are_alike(iid_net, golden, monkeypatch, case, compared):
    monkeypatch.setattr(network, "COMPARED", compared)
    attention: Attention = iid_net.att
    with torch.inference_mode():
        attended = attention(golden[f"attention_{case}_in"])
    torch.testing.assert_close(attended[:, :256], golden[f"attention_{case}_in"])
    torch.testing.assert_close(attended[:, 256:512], golden[f"attention_{case}_global"], atol=1e-4, rtol=0)
    torch.testing.assert_close(attended[:, 512:544], golden[f"attention_{case}_local"], atol=1e-4, rtol=0)


def test_attention_of_a_picture_does_not_depend_on_its_batch(iid_net, golden):
    pair = golden["attention_batch_in"]
    with torch.inference_mode():
        torch.testing.assert_close(iid_net.att(pair), torch.cat([iid_net.att(x[None]) for x in pair]))


def test_missing_keys_are_named(checkpoint: Path, tmp_path: Path):
    state = torch.load(checkpoint, weights_only=True)
    del state["module.decision.15.bias"]
    torch.save(state, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"short.pth: .*1 missing \(decision.15.bias\)"):
        load_detector("iid-net", weights=tmp_path / "short.pth", device="cpu")
