"""CoModGAN: the authors' numbers at both sizes, its random latent, and the checkpoints that it takes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from safebench import load_inpainter
from safebench.errors import ModelError, WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs


@pytest.fixture(scope="module")
def checkpoint(drawn: Callable[..., Path]) -> Path:
    return drawn("comodgan")


@pytest.mark.slow
class TestContract(InpainterContract):
    name = "comodgan"
    sizes = ((256, 256),)
    batch = 2

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint: Path) -> None:
        self.weights = checkpoint


def test_computes_what_the_authors_code_computes(checkpoint: Path, golden_pixels: Callable[..., Any]) -> None:
    model = load_inpainter("comodgan", weights=checkpoint, device="cpu")
    photos, holes = inputs.photos(1, (256, 256)), inputs.holes(1, (256, 256))
    filled = calling.inpaint(model, photos, holes)
    golden_pixels("comodgan", filled=filled[0])
    model.seed = 1
    assert np.abs(calling.inpaint(model, photos, holes) - filled).max() > 0.01
    with pytest.raises(ModelError, match="takes 256x256 pixels only, not 64x64"):
        calling.inpaint(model, photos[:, :64, :64], holes[:, :64, :64])


@pytest.mark.slow
def test_computes_what_the_authors_code_computes_at_512(drawn: Any, golden_pixels: Callable[..., Any]) -> None:
    golden_pixels("comodgan-512", load_inpainter("comodgan", weights=drawn("comodgan-512"), device="cpu"))


def test_refuses_what_does_not_fit(checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    file = tmp_path / "comodgan.pt"
    for change, said in (
        ({"synthesis.b8.conv0.noise_const": torch.zeros(4, 4)}, r"misshapen \(synthesis\.b8\.conv0\.noise_const"),
        ({"encoder.b4.out.weight": torch.zeros(1)}, r"unexpected \(encoder\.b4\.out\.weight"),
    ):
        torch.save({**state, **change}, file)
        with pytest.raises(WeightsError, match=said):
            load_inpainter("comodgan", weights=file, device="cpu")
    torch.save({"mapping.w_avg": state["mapping.w_avg"]}, file)
    with pytest.raises(WeightsError, match=r"comodgan\.pt.*missing"):
        load_inpainter("comodgan", weights=file, device="cpu")
