"""CTSDG: the authors' numbers, and the checkpoints that it takes and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_inpainters.ctsdg import adapter, layers

from safebench import load_inpainter
from safebench.commands.single import inpaint_file
from safebench.errors import ModelError, WeightsError
from safebench.inputs.images import save_png
from safebench.models import calling
from safebench.testing import InpainterContract


@pytest.fixture(scope="module")
def checkpoint(rebuilt):
    return rebuilt("ctsdg") / "300000.pt"


@pytest.fixture(scope="module")
def ctsdg(checkpoint):
    return load_inpainter("ctsdg", weights=checkpoint, device="cpu")


@pytest.fixture(scope="module")
def arrays(shared):
    with np.load(shared / "parity" / "ctsdg" / "golden_0.npz") as case:
        return dict(case)


@pytest.mark.slow
class TestContract(InpainterContract):
    name = "ctsdg"
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint):
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes_with_the_hole_in_sight(ctsdg, golden, monkeypatch):
    case = golden("ctsdg")
    monkeypatch.setattr(ctsdg, "sees_hole", True)
    raw = calling.inpaint(ctsdg, case.photos, case.holes)
    np.testing.assert_allclose(raw, case.raw, atol=1e-4, rtol=0)
    filled = calling.composite(case.photos, case.holes, raw)
    np.testing.assert_allclose(filled.astype(int), case.composite, atol=1, rtol=0)


def test_the_command_gives_the_authors_answer_where_raw_is_asked_for(checkpoint, arrays, tmp_path):
    save_png(tmp_path / "photo.png", arrays["image"])
    save_png(tmp_path / "mask.png", arrays["mask"] > 0)
    places = [tmp_path / name for name in ("photo.png", "mask.png", "out.png")]
    with pytest.warns(UserWarning, match="was shown what the hole hides"):
        inpaint_file("ctsdg", *places, weights=checkpoint, raw=tmp_path / "raw.npy", device="cpu")
    np.testing.assert_allclose(np.load(tmp_path / "raw.npy"), arrays["raw"], atol=1e-4, rtol=0)


def test_folds_the_photo_as_the_authors_do(arrays):
    folded = adapter.folded_levels()
    np.testing.assert_array_equal(folded, arrays["gray_source_lut"])
    no_hole = torch.zeros(1, 1, *arrays["edge"].shape)
    grey, edges = adapter.grey_and_edges(folded[arrays["image"]][None], no_hole)
    np.testing.assert_allclose(grey[0, 0], arrays["gray"], atol=1e-6, rtol=0)
    np.testing.assert_array_equal(edges[0, 0] * 255, arrays["edge"])


def test_attention_does_not_depend_on_how_much_is_held_at_a_time(monkeypatch):
    features = torch.randn(2, 8, 16, 24, generator=torch.Generator().manual_seed(0))
    whole = layers.attend(features)
    monkeypatch.setattr(layers, "ATTENTION_BLOCK", 20)
    torch.testing.assert_close(layers.attend(features), whole, atol=1e-6, rtol=0)


def test_takes_multiples_of_128_alone(ctsdg):
    with pytest.raises(ModelError, match="multiples of 128, not 192x128"):
        calling.inpaint(ctsdg, np.zeros((1, 128, 192, 3), np.uint8), np.zeros((1, 128, 192), bool))


def test_wrong_checkpoints_are_refused(checkpoint: Path, tmp_path: Path):
    state = torch.load(checkpoint, weights_only=True)["generator"]
    wrong = tmp_path / "wrong.pt"
    torch.save({"discriminator": {}}, wrong)
    with pytest.raises(WeightsError, match=r"wrong.pt: .*has no 'generator', only discriminator"):
        load_inpainter("ctsdg", weights=wrong, device="cpu")

    torch.save({"generator": {**state, "bigff.texture_gamma": torch.zeros(2)}}, wrong)
    with pytest.raises(WeightsError, match=r"wrong.pt: .*bigff.texture_gamma: \[2\], not \[1\]"):
        load_inpainter("ctsdg", weights=wrong, device="cpu")
    wrong.unlink()  # hundreds of megabytes, which pytest would keep
