"""AOT-GAN: the authors' numbers, any size, and the checkpoints that it takes and refuses."""

import numpy as np
import pytest
import torch

from safebench import load_inpainter
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("aot_gan") / "G0000000.pt"


@pytest.fixture(scope="module")
def aot_gan(checkpoint):
    return load_inpainter("aot-gan", weights=checkpoint, device="cpu")


class TestContract(InpainterContract):
    name = "aot-gan"
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(aot_gan, golden):
    case = golden("aot_gan")
    raw = calling.inpaint(aot_gan, case.photos, case.holes)
    np.testing.assert_allclose(raw, case.raw, atol=1e-3, rtol=0)
    assert np.abs(raw - case.raw).mean() < 1e-4
    filled = calling.composite(case.photos, case.holes, raw)
    np.testing.assert_allclose(filled.astype(int), case.composite, atol=1, rtol=0)


@pytest.mark.parametrize(("size", "padded"), [((62, 41), (64, 44)), ((7, 36), (36, 36))])
def test_pads_as_numpy_does_and_crops_back(aot_gan, size, padded):
    photos, holes = inputs.photos(1, size), inputs.holes(1, size)
    margins = [(0, 0), (0, padded[0] - size[0]), (0, padded[1] - size[1])]
    larger = calling.inpaint(
        aot_gan, np.pad(photos, [*margins, (0, 0)], "symmetric"), np.pad(holes, margins, "symmetric")
    )
    raw = calling.inpaint(aot_gan, photos, holes)
    np.testing.assert_array_equal(raw, larger[:, : size[0], : size[1]])


def test_refuses_a_checkpoint_with_other_keys(checkpoint, tmp_path):
    state = torch.load(checkpoint, weights_only=True)
    state["middle.8.fuse.1.bias"] = state.pop("middle.7.fuse.1.bias")
    torch.save(state, tmp_path / "G.pt")
    with pytest.raises(WeightsError, match=r"missing \(middle\.7\.fuse.*unexpected \(middle\.8\.fuse"):
        load_inpainter("aot-gan", weights=tmp_path / "G.pt", device="cpu")
