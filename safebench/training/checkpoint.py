"""A training's state on disk: whole or not at all, and read without running code."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from safebench.errors import StoreError
from safebench.files import atomic_write
from safebench.weights.read.mistaken import check_holds_numbers

FILE = "checkpoint.pt"


@dataclass(frozen=True)
class State:
    """What a training goes on from.  `about`: name, configs and data, as JSON can hold them."""

    step: int
    networks: dict[str, dict[str, Tensor]]
    optimisers: dict[str, dict[str, Any]]
    best: float | None
    about: dict[str, Any]


def save(
    folder: Path,
    step: int,
    networks: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    best: float | None,
    about: Mapping[str, Any],
) -> None:
    """Write checkpoint.pt."""
    state = {
        "step": step,
        "networks": {name: bare(network).state_dict() for name, network in networks.items()},
        "optimisers": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
        "best": best,
        "about": msgspec.json.encode(about).decode(),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    atomic_write(folder / FILE, buffer.getvalue())


def load(path: Path) -> State:
    """Read a checkpoint.pt.

    Raises StoreError where it is missing, damaged or no checkpoint of a training; WeightsError where it is a pointer to
    one, a web page or the like.
    """
    if path.exists():
        check_holds_numbers(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        about = msgspec.json.decode(state.pop("about"), type=dict[str, Any])
        return State(**state, about=about)
    except FileNotFoundError:
        raise StoreError(f"{path}: there is no such checkpoint") from None
    except Exception as error:  # a damaged file may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if isinstance(error, pickle.UnpicklingError):  # torch's sentence advises to load it with code and all
            reason = "it holds what no training writes"
        raise StoreError(f"{path}: is no checkpoint of a training that can be read ({reason})") from None


def restore(state: State, networks: Mapping[str, nn.Module], path: Path) -> None:
    """Put a checkpoint's weights into networks; raises StoreError where they do not fit."""
    for name, network in networks.items():
        try:
            bare(network).load_state_dict(state.networks[name])
        except (KeyError, RuntimeError) as error:
            first = (str(error).strip().splitlines() or [""])[-1].strip()
            raise StoreError(f"{path}: its network '{name}' does not fit this training ({first})") from None


def bare(network: nn.Module) -> nn.Module:
    """The network out of a distributed wrapper (an average of weights keeps its own: it is part of its state)."""
    if isinstance(network, nn.parallel.DistributedDataParallel):
        inner: nn.Module = network.module
        return inner
    return network
