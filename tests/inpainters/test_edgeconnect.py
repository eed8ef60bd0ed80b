"""EdgeConnect: the authors' numbers, and the checkpoints that it takes and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_inpainters._edges import grey_and_edges

from safebench import load_inpainter
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("edgeconnect")


@pytest.fixture(scope="module")
def edgeconnect(checkpoint):
    return load_inpainter("edgeconnect", weights=checkpoint, device="cpu")


class TestContract(InpainterContract):
    name = "edgeconnect"
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(edgeconnect, golden):
    case = golden("edgeconnect")
    raw = calling.inpaint(edgeconnect, case.photos, case.holes)
    np.testing.assert_allclose(raw, case.raw, atol=1e-4, rtol=0)
    filled = calling.composite(case.photos, case.holes, raw)
    np.testing.assert_allclose(filled.astype(int), case.composite, atol=1, rtol=0)


def test_draws_the_edges_that_the_authors_draw(shared):
    with np.load(shared / "parity" / "edgeconnect" / "golden_0.npz") as case:
        hole = case["mask"] > 0
        grey, edges = grey_and_edges(case["image"][None], torch.from_numpy(hole).float()[None, None])
        np.testing.assert_allclose(grey[0, 0], case["gray"] * ~hole, atol=1e-6, rtol=0)
        np.testing.assert_array_equal(edges[0, 0], case["canny"])


def test_takes_multiples_of_four_alone(edgeconnect):
    with pytest.raises(ModelError, match="multiples of 4, not 66x64"):
        calling.inpaint(edgeconnect, np.zeros((1, 64, 66, 3), np.uint8), np.zeros((1, 64, 66), bool))


def test_a_file_of_another_network_is_refused(checkpoint: Path, tmp_path: Path):
    for file in ("EdgeModel_gen.pth", "InpaintingModel_gen.pth"):
        (tmp_path / file).symlink_to(checkpoint / "InpaintingModel_gen.pth")
    with pytest.raises(WeightsError, match=r"EdgeModel_gen.pth: .* missing \(encoder.1.weight_orig"):
        load_inpainter("edgeconnect", weights=tmp_path, device="cpu")


def test_a_file_in_place_of_the_folder_is_refused(checkpoint: Path):
    with pytest.raises(WeightsError, match=r"the folder that holds EdgeModel_gen.pth and InpaintingModel_gen.pth"):
        load_inpainter("edgeconnect", weights=checkpoint / "EdgeModel_gen.pth", device="cpu")
