"""FcF: the authors' numbers at both sizes, its random inputs, and the checkpoints that it takes and refuses."""

import pickle
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch

from safebench import load_inpainter
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs


@pytest.fixture(scope="module")
def checkpoints(rebuilt):
    return rebuilt("fcf")


@pytest.fixture(scope="module")
def fcf(checkpoints):
    return load_inpainter("fcf", weights=checkpoints / "places_256_G.pth", device="cpu")


@pytest.mark.slow
class TestContract(InpainterContract):
    name = "fcf"
    sizes = ((256, 256),)
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoints):
        self.weights = checkpoints / "places_256_G.pth"


def assert_solved(model, case):
    raw = calling.inpaint(model, case.photos, case.holes)
    np.testing.assert_allclose(raw, case.raw, atol=1e-4, rtol=0)
    filled = calling.composite(case.photos, case.holes, raw)
    np.testing.assert_allclose(filled.astype(int), case.composite, atol=1, rtol=0)


def test_computes_what_the_authors_code_computes(fcf, golden):
    assert_solved(fcf, golden("fcf"))


@pytest.mark.slow
def test_computes_what_the_authors_code_computes_at_512(checkpoints, golden):
    model = load_inpainter("fcf", weights=checkpoints / "places_512_G.pth", device="cpu")
    assert_solved(model, golden("fcf", "golden_0_512"))
    with pytest.raises(ModelError, match="takes 512x512 pixels only, not 256x256"):
        calling.inpaint(model, inputs.photos(1, (256, 256)), inputs.holes(1, (256, 256)))


def test_takes_the_filter_from_the_checkpoint(fcf, golden, shared):
    with np.load(shared / "parity" / "fcf" / "golden_0.npz") as case:
        expected = case["raw_published_filters"][None]
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    filters = [b for name, b in fcf.network.named_buffers() if name.endswith("resample_filter")]
    try:
        for one in filters:
            one.copy_(torch.outer(row, row) / 64)
        raw = calling.inpaint(fcf, golden("fcf").photos, golden("fcf").holes)
    finally:
        for one in filters:
            one.fill_(1 / 16)
    np.testing.assert_allclose(raw, expected, atol=1e-4, rtol=0)


def test_another_seed_gives_another_picture(checkpoints, golden):
    case = golden("fcf")
    other = load_inpainter("fcf", weights=checkpoints / "places_256_G.pth", device="cpu", seed=1)
    assert np.abs(calling.inpaint(other, case.photos, case.holes) - case.raw).max() > 0.01


@pytest.mark.parametrize("size", [(64, 64), (256, 512), (512, 512)])
def test_refuses_another_size(fcf, size):
    with pytest.raises(ModelError, match=rf"takes 256x256 pixels only, not {size[1]}x{size[0]}"):
        calling.inpaint(fcf, inputs.photos(1, size), inputs.holes(1, size))


def test_refuses_a_checkpoint_with_other_keys(checkpoints, tmp_path):
    state = torch.load(checkpoints / "places_256_G.pth", weights_only=True)
    kept = {key: state[key] for key in ("encoder.b4.fc.bias", "mapping.w_avg")}
    torch.save(kept, tmp_path / "G.pth")
    with pytest.raises(WeightsError, match=r"G\.pth.*missing \(encoder\.b256"):
        load_inpainter("fcf", weights=tmp_path / "G.pth", device="cpu")


def test_takes_a_published_pickle(fcf, tmp_path, monkeypatch):
    """As the authors' training writes it: each module through StyleGAN's persistence, with its source as text."""

    def _reconstruct_persistent_obj(meta):
        raise AssertionError("a checkpoint's code was run")

    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _reconstruct_persistent_obj.__qualname__ = _reconstruct_persistent_obj.__name__
    persistence = types.ModuleType("torch_utils.persistence")
    vars(persistence)[_reconstruct_persistent_obj.__name__] = _reconstruct_persistent_obj
    monkeypatch.setitem(sys.modules, "torch_utils", types.ModuleType("torch_utils"))
    monkeypatch.setitem(sys.modules, "torch_utils.persistence", persistence)

    class Persistent(pickle.Pickler):
        def reducer_override(self, obj):
            if not isinstance(obj, torch.nn.Module):
                return NotImplemented
            held = {"_parameters": obj._parameters, "_buffers": obj._buffers, "_modules": obj._modules}
            meta = {"type": "class", "version": 6, "module_src": "raise SystemExit", "class_name": "M", "state": held}
            return _reconstruct_persistent_obj, (meta,)

    with (tmp_path / "places.pkl").open("wb") as file:
        Persistent(file, protocol=4).dump({"training_set_kwargs": {}, "G": None, "D": None, "G_ema": fcf.network})
    loaded: Any = load_inpainter("fcf", weights=tmp_path / "places.pkl", device="cpu")
    taken, known = loaded.network.state_dict(), fcf.network.state_dict()
    assert taken.keys() == known.keys()
    assert all(torch.equal(taken[key], known[key]) for key in known)
