"""LaMa: the authors' numbers, any size, and the checkpoints that it takes and refuses."""

import re

import numpy as np
import pytest
import torch

from safebench import load_inpainter
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("lama") / "big-lama" / "models" / "best.ckpt"


@pytest.fixture(scope="module")
def lama(checkpoint):
    return load_inpainter("lama", weights=checkpoint, device="cpu")


class TestContract(InpainterContract):
    name = "lama"
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(lama, golden):
    case = golden("lama")
    raw = calling.inpaint(lama, case.photos, case.holes)
    np.testing.assert_allclose(raw, case.raw, atol=5e-5, rtol=0)
    filled = calling.composite(case.photos, case.holes, raw)
    np.testing.assert_allclose(filled.astype(int), case.composite, atol=1, rtol=0)


@pytest.mark.parametrize(("size", "padded"), [((61, 90), (64, 96)), ((5, 16), (16, 16))])
def test_pads_as_numpy_does_and_crops_back(lama, size, padded):
    photos, holes = inputs.photos(1, size), inputs.holes(1, size)
    margins = [(0, 0), (0, padded[0] - size[0]), (0, padded[1] - size[1])]
    larger = calling.inpaint(lama, np.pad(photos, [*margins, (0, 0)], "symmetric"), np.pad(holes, margins, "symmetric"))
    raw = calling.inpaint(lama, photos, holes)
    np.testing.assert_array_equal(raw, larger[:, : size[0], : size[1]])


def test_takes_the_smaller_network_too(checkpoint, tmp_path):
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    small = {}
    for key, value in state.items():  # without the last 9 of its 18 blocks, at positions 14 to 22
        position = re.match(r"generator\.model\.(\d+)\.", key)
        place = int(position[1]) if position else 0
        if place < 14 or place > 22:
            small[key.replace(f".{place}.", f".{place - 9}.", 1) if place > 22 else key] = value
    torch.save({"state_dict": small}, tmp_path / "best.ckpt")
    model = load_inpainter("lama", weights=tmp_path / "best.ckpt", device="cpu")
    photos, holes = inputs.photos(1, (64, 64)), inputs.holes(1, (64, 64))
    assert calling.inpaint(model, photos, holes).std() > 0


def test_refuses_another_network(tmp_path):
    torch.save({"encoder.1.weight": torch.zeros(64, 4, 7, 7)}, tmp_path / "other.ckpt")
    with pytest.raises(WeightsError, match=r"other\.ckpt.*missing.*model\.1\.ffc\.convl2l\.weight"):
        load_inpainter("lama", weights=tmp_path / "other.ckpt", device="cpu")


def test_refuses_a_tensor_of_another_shape(checkpoint, tmp_path):
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    state["generator.model.34.bias"] = torch.zeros(4)
    torch.save({"state_dict": state}, tmp_path / "best.ckpt")
    with pytest.raises(WeightsError, match=r"misshapen.*model\.34\.bias"):
        load_inpainter("lama", weights=tmp_path / "best.ckpt", device="cpu")
