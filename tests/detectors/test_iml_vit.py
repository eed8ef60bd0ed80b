"""IML-ViT: the authors' map on drawn weights, its windows and distances, and the checkpoints that it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safebench_detectors.iml_vit import adapter, encoder

from safebench import load_detector
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.testing import DetectorContract, inputs
from safebench.weights.read.checkpoints import fit, load_state


@pytest.fixture(scope="module")
def checkpoint(drawn):
    return drawn("iml-vit-256")


@pytest.fixture(scope="module")
def model(checkpoint):
    """On a square of 256 pixels, a sixteenth of the usual one, which the authors' class takes too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(adapter, "SIDE", 256)
        yield load_detector("iml-vit", weights=checkpoint, device="cpu")


@pytest.mark.slow
class TestContract(DetectorContract):
    name = "iml-vit"
    batch = 2

    @pytest.fixture(autouse=True)
    def _loaded_once(self, model, monkeypatch):
        """Its numbers take longer to read than to be looked at with."""
        monkeypatch.setattr(self, "_load", lambda *_: model)


def test_computes_what_the_authors_code_computes(model, golden_map):
    golden_map(model)


def test_a_picture_stands_at_the_upper_left_of_a_black_square(model):
    photos = inputs.photos(1, (60, 90))
    square = np.zeros((1, 256, 256, 3), np.uint8)
    square[:, :60, :90] = photos
    small, whole = calling.detect(model, photos), calling.detect(model, square)
    np.testing.assert_allclose(small.maps, whole.maps[:, :60, :90], atol=1e-6)


def test_a_larger_picture_is_refused(model):
    with pytest.raises(ModelError, match="iml-vit takes at most 1024 pixels a side, not 1025x16"):
        calling.detect(model, np.zeros((1, 16, 1025, 3), np.uint8))


def test_windows_beyond_the_picture_hold_zeros():
    block = encoder.Block(encoder.WINDOW, windowed=True)
    block.attn = torch.nn.Identity()
    x = torch.randn(1, 16, 20, encoder.WIDTH, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block._by_windows(x), x)
    seen = []
    block.attn = torch.nn.Identity()
    block.attn.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    block._by_windows(x)
    assert seen[0].shape == (4, 14, 14, encoder.WIDTH)
    torch.testing.assert_close(seen[0][3, :2, :6], x[0, 14:, 14:])
    assert not seen[0][3, 2:].any()


def test_attention_adds_what_lies_between_two_patches():
    torch.manual_seed(0)
    layer = encoder.Attention(3)
    torch.nn.init.normal_(layer.rel_pos_h)
    torch.nn.init.normal_(layer.rel_pos_w)
    x = torch.randn(1, 3, 3, encoder.WIDTH)
    with torch.inference_mode():
        found = layer(x)
        query, key, value = layer.qkv(x).view(9, 3, encoder.HEADS, -1).permute(1, 2, 0, 3)
        attended = torch.zeros(9, encoder.HEADS, 64)
        for p in range(9):
            for head in range(encoder.HEADS):
                q = query[head, p]
                logits = [
                    q @ key[head, k] / 8
                    + q @ layer.rel_pos_h[p // 3 - k // 3 + 2]
                    + q @ layer.rel_pos_w[p % 3 - k % 3 + 2]
                    for k in range(9)
                ]
                attended[p, head] = torch.stack(logits).softmax(dim=0) @ value[head]
        torch.testing.assert_close(found[0].flatten(0, 1), layer.proj(attended.flatten(1)), atol=1e-5, rtol=1e-4)


def test_takes_the_authors_file_and_a_checkpoint_of_their_training(model, checkpoint: Path, tmp_path: Path):
    state = load_state(checkpoint)
    torch.save({"model": state, "optimizer": {}, "epoch": 3}, tmp_path / "trained.pth")
    trained: Any = load_detector("iml-vit", weights=tmp_path / "trained.pth", device="cpu")
    taken, known = (network._network.state_dict() for network in (trained, model))
    assert taken.keys() == known.keys()
    assert all(torch.equal(taken[key], known[key]) for key in known)


def test_refuses_what_does_not_fit(model, checkpoint: Path):
    state = load_state(checkpoint)
    with pytest.raises(WeightsError, match=r"missing \(predict_head.linear_fuse.weight"):
        fit(model._network, {k: v for k, v in state.items() if "predict_head" not in k}, "x")
    with pytest.raises(WeightsError, match=r"unexpected \(more\)"):
        fit(model._network, {**state, "more": torch.zeros(1)}, "x")
    key = "encoder_net.blocks.2.attn.rel_pos_h"
    with pytest.raises(WeightsError, match=rf"misshapen \({key}: \[127, 64\], not \[31, 64\]\)"):
        fit(model._network, {**state, key: torch.zeros(127, 64)}, "x")


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_nothing(refuses_code):
    refuses_code("iml-vit", lambda held: {"model": {"encoder_net.pos_embed": held}})
