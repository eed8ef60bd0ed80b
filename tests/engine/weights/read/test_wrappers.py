"""Networks that were saved inside something else."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import safebench
from safebench.errors import WeightsError
from safebench.models import calling
from safebench.testing import inputs
from safebench.weights.read.checkpoints import fit, load_state
from tests.forking import COMMAND_LINE, run_forked

State = dict[str, Any]
SHIPPED = Path(__file__).parents[4] / "detectors" / "iid_net" / "weights.safetensors"


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1)))


def behind(prefix: str) -> Callable[[nn.Module], State]:
    return lambda net: {f"{prefix}{key}": value for key, value in net.state_dict().items()}


def compiled_inside(net: nn.Module) -> State:
    return {key.replace("1.", "1._orig_mod.", 1): value for key, value in net.state_dict().items()}


def compiled(net: nn.Module) -> Any:
    return torch.compile(net)


WRAPPERS: dict[str, Callable[[nn.Module], Any]] = {
    "compiled": lambda net: compiled(net).state_dict(),
    "in parallel": lambda net: nn.DataParallel(net).state_dict(),
    "compiled and in parallel": behind("module._orig_mod."),
    "in parallel and compiled": behind("_orig_mod.module."),
    "a compiled part": compiled_inside,
    "torch's running average": lambda net: AveragedModel(net).state_dict(),
    "a running average": lambda net: (
        behind("ema.")(net) | {"decay": torch.tensor(0.99), "num_updates": torch.tensor(5)}
    ),
    "Lightning's": behind("model."),
    "under a key": lambda net: {"state_dict": net.state_dict(), "epoch": 3, "optimizer": {"lr": 0.1}},
    "an average under a key": lambda net: {"params_ema": behind("module.")(net), "iteration": 7},
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_wrapped_network_is_taken_out_and_told(tmp_path: Path, wrapper: str, prefix: str) -> None:
    """Also where the published file is itself saved in parallel, so that `module.` is expected."""
    torch.manual_seed(0)
    source, target = network(), network()
    torch.save(WRAPPERS[wrapper](source), tmp_path / "net.pth")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fit(target, load_state(tmp_path / "net.pth"), "net.pth", prefix=prefix)
    for mine, theirs in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    if prefix and wrapper in ("in parallel", "torch's running average"):
        assert not told  # as it is expected to be
    else:
        assert "net.pth: its " in str(told[-1].message)
        assert "and all others alike, since they fit the network exactly then" in str(told[-1].message)


def test_a_plain_network_is_taken_where_a_wrapped_one_was_expected() -> None:
    source, target = network(), network()
    with pytest.warns(UserWarning, match=r"its '.*' was taken for"):
        fit(target, source.state_dict(), "net.pth", prefix="generator.")
    assert torch.equal(target.state_dict()["0.weight"], source.state_dict()["0.weight"])


def left_over(net: nn.Module) -> State:
    return behind("module.")(net) | {"module.head.weight": torch.ones(3)}


def beside_another(net: nn.Module) -> State:
    return behind("ema.")(net) | {"discriminator.0.weight": torch.ones(3)}


def one_missing(net: nn.Module) -> State:
    return {key: value for key, value in behind("module.")(net).items() if not key.endswith("0.bias")}


def misshapen(net: nn.Module) -> State:
    return behind("module.")(net) | {"module.0.bias": torch.ones(7)}


@pytest.mark.parametrize("state", [left_over, beside_another, one_missing, misshapen])
def test_what_does_not_fit_exactly_is_refused(state: Callable[[nn.Module], State]) -> None:
    target = network()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    with pytest.raises(WeightsError, match="does not fit the network; keys: "):
        fit(target, state(network()), "net.pth")
    assert all(torch.equal(value, before[key]) for key, value in target.state_dict().items())


@pytest.mark.parametrize("key", ["{}.{}", None])
def test_a_network_and_its_average_in_one_file_are_told_apart_by_nobody(key: str | None) -> None:
    """Which of the two is meant cannot be known."""
    state: State = (
        behind("model.")(network()) | behind("ema.")(network())
        if key
        else {"model": network().state_dict(), "ema": network().state_dict(), "epoch": 1}
    )
    with pytest.raises(WeightsError, match=r"holds the network more than once \('model.* and 'ema.*\); save the one"):
        fit(network(), state, "net.pth")


def test_a_file_of_many_prefixes_takes_no_longer_than_its_size() -> None:
    state = {f"p{k}.0.weight": torch.zeros(1) for k in range(20_000)}
    with pytest.raises(WeightsError, match="does not fit"):
        fit(network(), state, "net.pth")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_a_trained_detector_that_was_saved_wrapped_is_the_same_detector(tmp_path: Path, prefix: str) -> None:
    """IID-Net's published file has `module.` too, and its filters work otherwise than those of one trained here."""
    save_file({f"{prefix}{key}": value for key, value in load_file(SHIPPED).items()}, tmp_path / "net.safetensors")
    photos = inputs.photos(1, (64, 64))
    plain = calling.detect(safebench.load_detector("iid-net", weights=SHIPPED, device="cpu"), photos)
    with pytest.warns(UserWarning, match=r"net\.safetensors: its '.*' was taken for"):
        wrapped = safebench.load_detector("iid-net", weights=tmp_path / "net.safetensors", device="cpu")
    np.testing.assert_array_equal(calling.detect(wrapped, photos).maps, plain.maps)


def test_it_is_told_at_the_terminal(tmp_path: Path) -> None:
    save_file({f"module.{key}": value for key, value in load_file(SHIPPED).items()}, tmp_path / "net.safetensors")
    Image.fromarray(inputs.photos(1, (64, 64))[0]).save(tmp_path / "photo.png")
    arguments = ["safebench", "detect", "--detector", "iid-net", "--image", "photo.png"]
    arguments += ["--weights", "net.safetensors", "--out", "map.png", "--device", "cpu"]
    done = run_forked(COMMAND_LINE, tmp_path, arguments=arguments)
    assert done.returncode == 0, done.stderr
    assert "safebench: warning: net.safetensors: its 'module." in done.stderr


def test_values_are_tensors(tmp_path: Path) -> None:
    state: dict[str, Tensor | str] = {**behind("module.")(network()), "module.0.bias": "text"}
    with pytest.raises(WeightsError, match="does not fit"):
        fit(network(), state, "net.pth")
