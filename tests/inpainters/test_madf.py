"""MADF: the authors' numbers, and the checkpoints that it takes and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_inpainters.madf.network import MaskAwareFilters

from safebench import load_inpainter
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("madf") / "places2.1000000.pth"


@pytest.fixture(scope="module")
def madf(checkpoint):
    return load_inpainter("madf", weights=checkpoint, device="cpu")


@pytest.mark.slow
class TestContract(InpainterContract):
    name = "madf"
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(madf, golden):
    case = golden("madf")
    raw = calling.inpaint(madf, case.photos, case.holes)
    np.testing.assert_allclose(raw, case.raw, atol=1e-4, rtol=0)
    filled = calling.composite(case.photos, case.holes, raw)
    np.testing.assert_allclose(filled.astype(int), case.composite, atol=1, rtol=0)


def test_sum_of_convolutions_is_a_filter_of_its_own_for_each_pixel():
    torch.manual_seed(0)
    level = MaskAwareFilters(mask_channels=3, channels=2, outputs=5, kernel=3)
    features, mask = torch.randn(2, 2, 8, 12), torch.rand(2, 3, 8, 12)
    with torch.no_grad():
        answer, guide = level(features, mask)
        windows = torch.nn.functional.unfold(features, 3, stride=2, padding=1)
        filters = level.conv1(guide).view(2, windows.shape[1], 5, -1)
    expected = torch.einsum("bwp,bwop->bop", windows, filters).relu().view_as(answer)
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=0)


def test_takes_multiples_of_128_alone(madf):
    with pytest.raises(ModelError, match="multiples of 128, not 192x128"):
        calling.inpaint(madf, np.zeros((1, 128, 192, 3), np.uint8), np.zeros((1, 128, 192), bool))


def test_plain_keys_are_taken_too_and_missing_ones_named(checkpoint: Path, tmp_path: Path):
    state = torch.load(checkpoint, weights_only=True)["model"]
    plain = {k.removeprefix("module.model."): v for k, v in state.items() if k.startswith("module.model.")}
    torch.save({"model": plain}, tmp_path / "plain.pth")
    load_inpainter("madf", weights=tmp_path / "plain.pth", device="cpu")

    del plain["dec_ref1_1.bias"]
    torch.save({"model": plain}, tmp_path / "plain.pth")
    with pytest.raises(WeightsError, match=r"plain.pth: .*1 missing \(dec_ref1_1.bias\)"):
        load_inpainter("madf", weights=tmp_path / "plain.pth", device="cpu")
    (tmp_path / "plain.pth").unlink()  # hundreds of megabytes, which pytest would keep
