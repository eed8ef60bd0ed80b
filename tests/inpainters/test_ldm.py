"""Latent diffusion: the authors' numbers, its options and draws, and the checkpoints that it takes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from safebench import load_inpainter, run
from safebench.errors import ConfigError, WeightsError
from safebench.models import calling
from safebench.testing import InpainterContract, inputs
from safebench.weights.read.checkpoints import load_state

PHOTOS, HOLES = inputs.photos(1, (33, 50)), inputs.holes(1, (33, 50))
BIAS = "model_ema.diffusion_modelinput_blocks00bias"


@pytest.fixture(scope="module")
def checkpoint(drawn: Callable[..., Path]) -> Path:
    return drawn("ldm")


@pytest.fixture
def state(checkpoint: Path) -> dict[str, Any]:
    return dict(load_state(checkpoint)["state_dict"])


def load(weights: Path, run_seed: int = 0, **options: Any) -> Any:
    return load_inpainter("ldm", weights=weights, device="cpu", seed=run_seed, options={"steps": 2, **options})


def fill(weights: Path, run_seed: int = 0, **options: Any) -> Any:
    return calling.inpaint(load(weights, run_seed, **options), PHOTOS, HOLES)


class TestContract(InpainterContract):
    name = "ldm"

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, checkpoint: Path) -> None:
        self.weights = checkpoint
        self.options = {"steps": 1}


def test_computes_what_the_authors_code_computes(checkpoint: Path, golden_pixels: Callable[..., Any]) -> None:
    golden_pixels("ldm", load(checkpoint, steps=10), side=64)


def test_each_option_changes_the_picture(checkpoint: Path) -> None:
    plain = fill(checkpoint)
    for changed in ({"steps": 3}, {"eta": 0.5}, {"seed": 7}):
        assert np.abs(fill(checkpoint, **changed) - plain).max() > 0.01, changed
    np.testing.assert_array_equal(fill(checkpoint, run_seed=7), fill(checkpoint, seed=7))
    np.testing.assert_array_equal(fill(checkpoint, run_seed=7, seed=0), plain)


def test_noise_that_is_added_on_the_way_comes_from_the_seed(checkpoint: Path) -> None:
    noisy = load(checkpoint, eta=1.0)
    first = calling.inpaint(noisy, PHOTOS, HOLES)
    np.testing.assert_array_equal(calling.inpaint(noisy, PHOTOS, HOLES), first)
    assert np.abs(fill(checkpoint, eta=1.0, seed=1) - first).max() > 0.01


def test_steps_are_those_that_the_authors_take(checkpoint: Path) -> None:
    """For 50 every twentieth of 1000; for 30, which is no divisor, one more; none after the last."""
    network = load(checkpoint).network
    left = network.alphas_cumprod.tolist()
    fifty = list(network.way(50))
    assert [step for step, _, _ in fifty] == list(range(981, 0, -20))
    assert fifty[0] == (981, left[981], left[961])
    assert fifty[-1] == (1, left[1], left[0])
    assert [len(list(network.way(steps))) for steps in (1, 3, 30, 500)] == [1, 3, 31, 500]
    assert next(network.way(3))[0] == 667


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "--set steps=0: expected `int` >= 1"),
        ({"steps": 501}, "--set steps=501: expected `int` <= 500"),
        ({"eta": 1.5}, r"--set eta=1\.5: expected `float` <= 1"),
        ({"seed": -2}, "--set seed=-2: expected `int` >= -1"),
    ],
)
def test_options_that_cannot_be_are_refused_before_the_weights_are_looked_for(options: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_inpainter("ldm", weights="nowhere.ckpt", options=options)


def test_its_whole_output_is_told_from_what_is_spliced(checkpoint: Path, tmp_path: Path) -> None:
    results = run(
        inpainters=["ldm"],
        weights={"ldm": str(checkpoint)},
        set={"steps": 2},
        assembly=["spliced", "regenerated"],
        bins="10-20",
        limit=1,
        size=64,
        metrics=["psnr", "known_changed"],
        out=tmp_path / "run",
    )
    changed = results.quality.set_index("assembly")["known_changed"]
    assert changed["spliced"] == 0
    assert changed["regenerated"] > 0.5
    assert results.record.inpainters["ldm"].options == {"steps": 2, "eta": 0.0, "seed": -1}


def test_takes_the_averages_where_there_are_any_and_the_weights_where_there_are_none(
    checkpoint: Path, state: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "plain.ckpt"
    averages = {key: value for key, value in state.items() if key.startswith("model_ema.")}
    torch.save({key: value for key, value in state.items() if key not in averages}, file)
    assert np.abs(fill(file) - fill(checkpoint)).max() > 0.01
    weights = {key: value / 2 if key.startswith("model.") else value for key, value in state.items()}
    torch.save({key: value for key, value in weights.items() if key not in averages}, file)
    np.testing.assert_array_equal(fill(file), fill(checkpoint))


class Runs:
    """What a pickle would run."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('a checkpoint was run')",)


def test_refuses_what_does_not_fit(state: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    code, coder = "first_stage_model.quantize.embedding.weight", "first_stage_model.decoder.up.1.upsample.conv.weight"
    for changed, said in (
        ({**state, BIAS: torch.zeros(4)}, r"misshapen \(model\.diffusion_model\.input_blocks\.0\.0\.bias: \[4\]"),
        ({**state, "model_ema.more": torch.zeros(1)}, r"unexpected \(model_ema\.more\)"),
        ({**state, "cond_model.more": torch.zeros(1)}, r"unexpected \(cond_model\.more\)"),
        ({key: value for key, value in state.items() if key != BIAS}, r"missing \(model\.diff.*blocks\.0\.0\.bias\)"),
        ({key: value for key, value in state.items() if key != coder}, rf"missing \({coder}\)"),
        ({key: value for key, value in state.items() if key != "alphas_cumprod"}, r"missing \(alphas_cumprod\)"),
        ({**state, code: torch.zeros(1).expand(10**9, 3)}, "misshapen|claims|more than"),
        ({**state, code: torch.zeros(33, 3)}, r"misshapen .*embedding\.weight: \[33, 3\], not \[8192, 3\]"),
        ({**state, code: [0.0]}, "not a tensor"),
        ({"betas": state["betas"]}, r"last\.ckpt.*missing"),
        ({**state, "hparams": Runs()}, r"refused, nothing of it was run"),
    ):
        torch.save({"state_dict": changed}, file)
        with pytest.raises(WeightsError, match=said):
            load(file)
