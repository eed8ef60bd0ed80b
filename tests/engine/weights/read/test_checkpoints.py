"""Checkpoints are read whatever wrote them, and fitted all or nothing."""

from __future__ import annotations

import collections
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from safebench.errors import WeightsError
from safebench.weights.read.checkpoints import fit, load_state, network_state
from safebench.weights.read.pickles import StandIn

STATE = {
    "conv.weight": torch.randn(4, 3, 3, 3),
    "conv.bias": torch.randn(4).to(torch.float16),
    "norm.count": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "empty": torch.empty(0, 3),
    "scalar": torch.tensor(2.5, dtype=torch.float64),
    "brain": torch.randn(3).to(torch.bfloat16),
    "turned": torch.arange(12.0).reshape(3, 4).t(),
}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in b)


@pytest.mark.parametrize("new_format", [True, False])
def test_reads_torch_files_of_both_formats(tmp_path: Path, new_format: bool) -> None:
    file = tmp_path / "net.pth"
    torch.save({"generator": STATE, "iteration": 3}, file, _use_new_zipfile_serialization=new_format)
    held = load_state(file)
    assert held["iteration"] == 3
    assert same(held["generator"], STATE)


def test_reads_safetensors_by_content(tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    save_file({"a": torch.ones(2), "b": torch.zeros(3, 2)}, file)
    assert same(load_state(file), {"a": torch.ones(2), "b": torch.zeros(3, 2)})


def test_tensors_that_share_numbers_share_them_still(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    torch.save({"whole": whole, "half": whole[3:], "again": whole}, tmp_path / "a.pt")
    held = load_state(tmp_path / "a.pt")
    assert held["half"].data_ptr() == held["whole"].data_ptr() + 12
    assert held["again"].data_ptr() == held["whole"].data_ptr()


@pytest.mark.parametrize("new_format", [True, False])
def test_a_network_saved_whole_is_read_as_its_state(tmp_path: Path, new_format: bool) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4)))
    torch.save(network, tmp_path / "a.pt", _use_new_zipfile_serialization=new_format)
    held = load_state(tmp_path / "a.pt")
    fit(network, held, "a.pt")
    assert sorted(held) == sorted(network.state_dict())


def test_parameters_modules_state_and_ordered_dicts_come_as_tensors(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    torch.save(
        {"p": nn.Parameter(torch.ones(2)), "s": network.state_dict(), "size": torch.Size([1, 2])}, tmp_path / "a.pt"
    )
    held = load_state(tmp_path / "a.pt")
    assert torch.equal(held["p"], torch.ones(2))
    assert same(held["s"], dict(network.state_dict()))
    assert held["size"] == (1, 2)


def test_published_files_read_as_torch_reads_them(shared: Path) -> None:
    files = [*shared.rglob("*.pth"), *shared.rglob("*.th")]
    assert files
    for file in files:
        ours, theirs = load_state(file), torch.load(file, map_location="cpu", weights_only=True)
        assert same(ours.get("network", ours), dict(theirs.get("network", theirs)))


# -- what Lightning and StyleGAN write: classes that are not installed here ----------------------------------------


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes classes that seem to come from packages which the reader does not have."""

    def make(module: str, name: str, base: type = object, **attributes: Any) -> type:
        made = type(name, (base,), {"__module__": module, "__qualname__": name, **attributes})
        for end in [i for i, c in enumerate(module + ".") if c == "."]:
            monkeypatch.setitem(sys.modules, module[:end], sys.modules.get(module[:end], type(sys)(module[:end])))
        setattr(sys.modules[module], name, made)
        return made

    return make


def test_lightning_checkpoint(tmp_path: Path, foreign: Any) -> None:
    callback = foreign("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")
    config = foreign("omegaconf.dictconfig", "DictConfig")()
    config.__dict__["_content"] = {"lr": 0.1, "path": Path("a/b"), "more": collections.defaultdict(list)}
    torch.save(
        {
            "state_dict": STATE,
            "callbacks": {callback: {"best_model_score": torch.tensor(0.5)}},
            "hyper_parameters": config,
            "optimizer_states": [{"state": {0: {"step": 1}}, "param_groups": [{"betas": (0.5, 0.9)}]}],
        },
        tmp_path / "best.ckpt",
    )
    held = load_state(tmp_path / "best.ckpt")
    assert same(held["state_dict"], STATE)
    assert held["optimizer_states"][0]["param_groups"][0]["betas"] == (0.5, 0.9)
    assert isinstance(held["hyper_parameters"], StandIn)
    assert held["hyper_parameters"].state["_content"]["lr"] == 0.1


def test_stylegan_pickle(tmp_path: Path, foreign: Any) -> None:
    """Networks whose source lies in the file itself: rebuilt as their state, the source left unread."""
    easy = foreign("dnnlib.util", "EasyDict", dict)

    def _reconstruct_persistent_obj(meta: Any) -> None:
        raise AssertionError("the source in the file was asked for")

    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    foreign("torch_utils.persistence", "Nothing")
    sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj = _reconstruct_persistent_obj  # type: ignore[attr-defined]
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"

    class Persistent(nn.Module):
        def __reduce__(self) -> Any:
            meta = {"type": "class", "version": 6, "module_src": "1/0", "class_name": "G", "state": self.__dict__}
            return _reconstruct_persistent_obj, (meta,), None

    layer = Persistent()
    layer.weight = nn.Parameter(torch.randn(3, 2))
    layer.register_buffer("filter", torch.randn(4))
    layer.register_buffer("scratch", torch.randn(4), persistent=False)
    network = Persistent()
    network.encoder = layer
    network.plain = nn.Linear(2, 2)
    fourier = foreign("training.ffc", "FourierUnit", nn.Module)()
    fourier.norm = nn.BatchNorm2d(2)
    network.fourier = fourier
    file = tmp_path / "places.pkl"
    file.write_bytes(pickle.dumps({"G_ema": network, "training_set_kwargs": easy(path="x"), "augment_pipe": None}))
    held = load_state(file)
    wanted = network.state_dict()
    state = network_state(held["G_ema"], str(file))
    assert {k: v.tolist() for k, v in state.items()} == {k: v.tolist() for k, v in wanted.items()}
    with pytest.raises(WeightsError, match="holds no network"):
        network_state(held["training_set_kwargs"], str(file))


# -- fitting -------------------------------------------------------------------------------------------------------


def test_fit_copies_all_or_nothing() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    state = {f"module.{k}": torch.full_like(v, 2) for k, v in before.items()} | {"other.x": torch.ones(1)}
    del state["module.0.weight"]
    state["module.0.bias"] = torch.ones(5)
    state["module.9.weight"] = torch.ones(5)
    with pytest.raises(
        WeightsError, match=r"net\.pth: .*1 missing \(0\.weight\); 1 unexpected \(9\.weight\); 1 mis"
    ) as e:
        fit(network, state, "net.pth", prefix="module.")
    assert "0.bias: [5], not [2]" in str(e.value)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    state["module.0.weight"] = torch.full((2, 1, 3, 3), 2.0, dtype=torch.float64)
    state["module.0.bias"] = torch.full((2,), 2.0, dtype=torch.float16)
    fit(network, state, "net.pth", prefix="module.", skip=["9."])
    assert all(bool((v == 2).all()) for v in network.state_dict().values())
    assert network[0].weight.dtype == torch.float32


def test_fit_names_a_few_of_many_and_wrong_kinds() -> None:
    network = nn.Sequential(*(nn.Linear(1, 1) for _ in range(10)))
    with pytest.raises(WeightsError, match=r"20 missing \(0\.weight, 0\.bias, 1\.weight, …\)"):
        fit(network, {}, "x")
    state: dict[str, Any] = dict(network.state_dict())
    state["0.weight"] = torch.ones(1, 1, dtype=torch.int64)
    state["0.bias"] = "text"
    with pytest.raises(WeightsError, match=r"0\.weight: torch\.int64, not torch\.float32, 0\.bias: not a tensor"):
        fit(network, state, "x")


def test_fit_does_without_batch_counts() -> None:
    network = nn.BatchNorm2d(2)
    fit(network, {k: v for k, v in network.state_dict().items() if k != "num_batches_tracked"}, "old.pth")
