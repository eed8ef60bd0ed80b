"""MAT: the authors' numbers, its attention, its random inputs, and the checkpoints that it takes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safebench_inpainters.mat.attention import FAR, Attention, Block, PartialConvolution

from safebench import load_inpainter
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs

PHOTOS, HOLES = inputs.photos(1, (256, 256)), inputs.holes(1, (256, 256))


@pytest.mark.slow
def test_computes_what_the_authors_code_computes_at_512(drawn: Any, golden_pixels: Callable[..., Any]) -> None:
    golden_pixels("mat-512", load_inpainter("mat", weights=drawn("mat-512"), device="cpu"))


@pytest.mark.slow
class TestContract(InpainterContract):
    name = "mat"
    sizes = ((256, 256),)
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, drawn: Callable[..., Path]) -> None:
        self.weights = drawn("mat")

    def test_computes_what_the_authors_code_computes(self, golden_pixels: Callable[..., Any]) -> None:
        model, filled = self._loaded(), self._filled((256, 256))
        golden_pixels("mat", filled=filled[0])
        np.testing.assert_allclose(filled[~HOLES], PHOTOS[~HOLES] / 255, atol=1e-6)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(model, "seed", 1)
            assert np.abs(calling.inpaint(model, PHOTOS, HOLES) - filled).max() > 0.01
        with pytest.raises(ModelError, match="takes 256x256 pixels only, not 64x64"):
            calling.inpaint(model, PHOTOS[:, :64, :64], HOLES[:, :64, :64])


@pytest.mark.slow
def test_refuses_what_does_not_fit(drawn: Any, tmp_path: Path) -> None:
    state = torch.load(drawn("mat"), weights_only=True)
    file = tmp_path / "G.pth"
    key = "synthesis.first_stage.tran.0.blocks.1.attn_mask"
    for changed, said in (
        ({**state, key: torch.zeros(4)}, rf"misshapen \({key}"),
        ({**state, "more": torch.zeros(1)}, r"unexpected \(more\)"),
        ({"mapping.w_avg": state["mapping.w_avg"]}, r"G\.pth.*missing"),
    ):
        torch.save(changed, file)
        with pytest.raises(WeightsError, match=said):
            load_inpainter("mat", weights=file, device="cpu")
    file.unlink()  # large, and pytest would keep it


def filled(network: torch.nn.Module) -> Any:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in (*network.parameters(), *(b for name, b in network.named_buffers() if "filter" in name)):
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return network.eval()


def test_attention_looks_at_valid_pixels_alone() -> None:
    attention = filled(Attention(12))
    x = torch.randn(3, 16, 12, generator=torch.Generator().manual_seed(1))
    valid = torch.ones(3, 16)
    valid[:, 5:9] = 0
    other = x.clone()
    other[:, 5:9] += 7
    with torch.inference_mode():
        change = (attention(x, valid, None) - attention(other, valid, None)).abs().amax((0, 2))
        assert change[valid[0] == 1].max() < 1e-4
        assert change[valid[0] == 0].min() > 1e-2
        apart = torch.zeros(1, 16, 16)
        apart[:, :8, 8:] = FAR
        seen = attention(x, None, apart)[:, :8]
        other = x.clone()
        other[:, 8:] += 7
        assert (attention(other, None, apart)[:, :8] - seen).abs().max() < 1e-4


def test_a_window_with_one_valid_pixel_is_valid_after_it() -> None:
    block = filled(Block(12, 16, window=8, shift=4))
    valid = torch.zeros(1, 1, 16, 16)
    valid[..., 5, 5] = 1
    with torch.inference_mode():
        _, reached = block(torch.randn(1, 12, 16, 16), valid)
    expected = torch.zeros(1, 1, 16, 16)
    expected[..., 4:12, 4:12] = 1
    torch.testing.assert_close(reached, expected)


def test_a_partial_convolution_makes_up_for_what_is_missing() -> None:
    layer = filled(PartialConvolution(2, 3))
    x, valid = torch.randn(1, 2, 6, 6), torch.zeros(1, 1, 6, 6)
    valid[..., :2] = 1
    with torch.inference_mode():
        y, reached = layer(x, valid)
        whole = layer.conv(x)
    assert reached is not None
    assert reached[0, 0, 3].tolist() == [1, 1, 1, 0, 0, 0]
    torch.testing.assert_close(y[0, :, 3, 2], whole[0, :, 3, 2] * 3)
    assert y[..., 3:].abs().max() == 0
