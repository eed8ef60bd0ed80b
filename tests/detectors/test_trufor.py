"""TruFor: the authors' numbers, on the way and at the end, and what is said without its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_detectors._confidence import pooled
from safebench_detectors._noiseprint_pp import over_256
from safebench_detectors.trufor.network import TruFor

from safebench import load_detector
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("trufor") / "trufor.pth.tar"


@pytest.fixture(scope="module")
def golden(shared):
    with np.load(shared / "parity" / "trufor" / "golden_0.npz") as case:
        return {key: torch.from_numpy(case[key]) for key in case}


class TestContract(DetectorContract):
    name = "trufor"
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(checkpoint, golden):
    model = load_detector("truFor", weights=checkpoint, device="cpu")
    found = calling.detect(model, golden["image"].numpy()[None])
    np.testing.assert_allclose(found.maps[0], golden["map"], atol=3e-5, rtol=0)
    assert found.confidence is not None
    np.testing.assert_allclose(found.confidence[0], golden["confidence"], atol=3e-5, rtol=0)
    np.testing.assert_allclose(found.scores[0], golden["score"], atol=3e-5, rtol=0)


def test_residual_fused_features_and_statistics_on_the_way(checkpoint, golden):
    network = TruFor().eval()
    fit(network, load_state(checkpoint)["state_dict"], "trufor.pth.tar")
    with torch.inference_mode():
        picture = over_256(golden["image"].permute(2, 0, 1)[None] / 255)
        noise = network.dncnn(picture)
        torch.testing.assert_close(noise[0, 0], golden["noiseprint"], atol=1e-5, rtol=0)

        fused = network.backbone((picture - network.mean) / network.std, noise.expand(-1, 3, -1, -1))
        torch.testing.assert_close(fused[3][0], golden["fused4"], atol=1e-4, rtol=0)
        torch.testing.assert_close(fused[0][0, :4], golden["fused1_first4"], atol=1e-4, rtol=0)
        for number, x in enumerate(fused, start=1):
            torch.testing.assert_close(x[0].mean(dim=(1, 2)), golden[f"fused{number}_mean"], atol=1e-4, rtol=0)
            torch.testing.assert_close(x[0].std(dim=(1, 2)), golden[f"fused{number}_std"], atol=1e-4, rtol=0)

        answer = network(picture)
        torch.testing.assert_close(pooled(answer.map, answer.confidence)[0], golden["pooled"], atol=1e-4, rtol=0)


def test_takes_no_picture_smaller_than_its_first_reduction(checkpoint):
    model = load_detector("trufor", weights=checkpoint, device="cpu")
    calling.detect(model, np.zeros((1, 29, 29, 3), np.uint8))
    with pytest.raises(ModelError, match="at least 29 pixels a side"):
        calling.detect(model, np.zeros((1, 28, 40, 3), np.uint8))


def test_a_checkpoint_of_another_network_is_refused(shared: Path):
    other = shared / "weights" / "noiseprint_pp" / "noiseprint++.th"
    with pytest.raises(WeightsError, match=r"has no 'state_dict', only network, global_step"):
        load_detector("trufor", weights=other, device="cpu")


def test_without_weights_it_says_what_is_missing_under_which_terms_and_how_to_get_it():
    with pytest.raises(WeightsError) as said:
        load_detector("truFor", device="cpu")
    for needed in ("trufor.pth.tar", "nonprofit", "safebench weights pull trufor --accept-licence", "put the file at"):
        assert needed in " ".join(str(said.value).split())
