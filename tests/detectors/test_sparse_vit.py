"""SparseViT: the authors' map on drawn weights, its sparse attention, and the checkpoints that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safebench_detectors.sparse_vit import adapter
from safebench_detectors.sparse_vit.network import SparseBlock

from safebench import load_detector
from safebench.errors import WeightsError
from safebench.testing import DetectorContract
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(drawn):
    return drawn("sparse-vit")


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_detector("sparse-vit", weights=checkpoint, device="cpu")


class TestContract(DetectorContract):
    name = "sparse-vit"

    @pytest.fixture(autouse=True)
    def _loaded_once(self, model, monkeypatch):
        """On a square of 128 pixels, a sixteenth of the work."""
        monkeypatch.setattr(self, "_load", lambda *_: model)
        monkeypatch.setattr(adapter, "SIDE", 128)


def test_computes_what_the_authors_code_computes(model, golden_map):
    golden_map(model)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_patches_attend_to_those_of_every_other_row_and_column(stride):
    torch.manual_seed(0)
    block = SparseBlock(64, stride)
    x = torch.randn(2, 64, 8, 12)
    with torch.inference_mode():
        found = block._attended(x)
        for down in range(stride):
            for right in range(stride):
                apart = x[:, :, down::stride, right::stride]
                attended = block.attn(block.norm1(apart.flatten(2).mT)).mT.reshape(apart.shape)
                torch.testing.assert_close(found[:, :, down::stride, right::stride], attended)


def test_refuses_what_does_not_fit(model, checkpoint: Path):
    state = load_state(checkpoint)["model"]
    with pytest.raises(WeightsError, match=r"missing \(lmu.gamma1"):
        fit(model._network, {k: v for k, v in state.items() if "lmu" not in k}, "x", skip=adapter.NOT_USED)
    with pytest.raises(WeightsError, match=r"unexpected \(encoder_net.norm1x\)"):
        fit(model._network, {**state, "encoder_net.norm1x": torch.zeros(1)}, "x", skip=adapter.NOT_USED)
    wide = {**state, "lmu.gamma1": torch.zeros(256)}
    with pytest.raises(WeightsError, match=r"misshapen \(lmu.gamma1: \[256\], not \[512\]\)"):
        fit(model._network, wide, "x", skip=adapter.NOT_USED)


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(refuses_code):
    refuses_code("sparse-vit", lambda held: {"model": {"lmu.gamma1": held}})
