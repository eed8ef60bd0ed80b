"""Reading checkpoints without running code, and fitting them to a network.

`load_state` reads safetensors, torch's files (the zip of torch 1.6 and later, and the format before it), Lightning's
checkpoints and StyleGAN's pickles.  Torch's own loader is not used, even with weights_only=True: before torch 2.6 that
could be made to run code (CVE-2025-32434), it unpacks compressed entries and reserves what a file claims before it
looks whether the file holds that much, and it refuses Lightning's and StyleGAN's files altogether.
"""

from __future__ import annotations

import mmap
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from torch import Tensor, nn

from safebench.errors import WeightsError
from safebench.weights.read.mistaken import check_holds_numbers
from safebench.weights.read.pickles import Refused, StandIn
from safebench.weights.read.texts import shorten
from safebench.weights.read.torchfiles import read_buffer
from safebench.weights.read.wrappers import ways

Options = TypeVar("Options", bound=msgspec.Struct)
LETTERS = 2_000_000
"""Of all names in one network together, at most; published ones have some ten thousand."""


def load_state(path: Path | None) -> dict[str, Any]:
    """What a checkpoint file holds: a dictionary of tensors, containers, numbers and texts; nothing in it was run.

    Tensors are on the CPU and read from the disk when they are used.  Objects of other classes are `StandIn`s; a
    network pickled whole (as in StyleGAN's files) is turned into its state by `network_state`.
    Raises WeightsError, naming the file, where it is missing, damaged, of another format, or holds what a checkpoint
    must not hold; and for None, which a model is given that was loaded without its checkpoint.
    """
    if path is None:
        raise WeightsError("this model cannot work without its checkpoint; name the file that holds it")
    check_holds_numbers(path)
    try:
        with path.open("rb") as file:
            head = file.read(9)
            if path.suffix == ".safetensors" or (head[4:8] == bytes(4) and head[8:] == b"{"):
                return _load_safetensors(path)
            held = read_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (Refused, zipfile.BadZipFile) as error:
        raise WeightsError(f"{path}: this checkpoint is refused, nothing of it was run: {error}") from None
    except Exception as error:  # a damaged file may break the reader anywhere
        raise WeightsError(
            f"{path}: is damaged or is no checkpoint ({type(error).__name__}: {shorten(str(error))}); fetch it again"
        ) from None
    if isinstance(held, StandIn):
        return dict(network_state(held, str(path)))
    if not isinstance(held, dict):
        raise WeightsError(f"{path}: holds a {type(held).__name__}, where a checkpoint holds a dictionary")
    return held


def load_metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself beside its tensors; nothing for files of other formats.

    To be called for a file that `load_state` has read.  Raises WeightsError where it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as file:
            if file.read(9)[8:] != b"{":
                return {}
        with safe_open(path, framework="pt") as opened:
            return dict(opened.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read ({error})") from None


def load_config(path: Path | None, kind: type[Options], title: str) -> Options | None:
    """The options that `safebench train` wrote beside the tensors, as the recipe's `kind`; None where a file has none.

    To be called for a file that `load_state` has read.  Raises WeightsError where they are none of the model `title`'s.
    """
    described = load_metadata(path).get("config") if path else None
    if described is None:
        return None
    try:
        return msgspec.json.decode(described, type=kind)
    except msgspec.DecodeError as error:
        raise WeightsError(f"{path}: its config is none of {title}'s: {error}") from None


def network_state(network: Any, name: str) -> dict[str, Tensor]:
    """The state (key to tensor) of a network that was pickled whole, as its own `state_dict` would give it.

    Takes a `StandIn` of an nn.Module, also one wrapped by StyleGAN's persistence.  Raises WeightsError, naming `name`,
    where it is none.
    """
    state: dict[str, Tensor] = {}
    seen: set[int] = set()
    letters = 0
    todo = [("", network)]
    while todo:
        prefix, module = todo.pop()
        parts = _attributes(module)
        tables: list[Any] = [parts.get(kind) for kind in ("_parameters", "_buffers", "_modules")]
        if not all(isinstance(table, dict) and all(isinstance(key, str) for key in table) for table in tables):
            raise WeightsError(f"{name}: holds no network where one was expected ({shorten(prefix) or 'at its root'})")
        # A file that refers to one part, or to one table of a part, from many places could unfold without end.
        if id(module) in seen:
            raise WeightsError(f"{name}: one part of its network stands in two places ({shorten(prefix)})")
        seen.add(id(module))
        letters += sum(len(prefix) + len(key) + 1 for table in tables for key in table)
        if letters > LETTERS:
            raise WeightsError(f"{name}: its network unfolds to more parts than it holds ({shorten(prefix)})")
        parameters, buffers, children = tables
        transient = parts.get("_non_persistent_buffers_set")
        kept = {key: value for key, value in buffers.items() if not (isinstance(transient, set) and key in transient)}
        state.update({prefix + k: value for k, value in {**parameters, **kept}.items() if isinstance(value, Tensor)})
        todo += [(f"{prefix}{key}.", child) for key, child in children.items() if child is not None]
    return state


def fit(module: nn.Module, state: Mapping[str, Any], name: str, *, prefix: str = "", skip: Sequence[str] = ()) -> None:
    """Copy a checkpoint's tensors into a network, all of them or none.

    Only keys that begin with `prefix` are taken, without it; of those, keys that begin with one of `skip` are passed
    over.  A network that was saved inside something else (`module.`, `_orig_mod.`, `ema.`) is taken out of it where it
    fits exactly then, with a warning.  Numbers are converted to the network's precision.  Raises WeightsError, naming
    `name` and the first few missing, unexpected and misshapen keys, where the two do not fit exactly.  (A count of
    batches may be missing, as it is in files older than torch 0.4.1; it takes no part in inference.)
    """
    given = {str(key).removeprefix(prefix): value for key, value in state.items() if str(key).startswith(prefix)}
    given = {key: value for key, value in given.items() if not key.startswith(tuple(skip))}
    wanted = module.state_dict()
    if said := _misfit(given, wanted):
        fitting = [way for way in ways(state, wanted, prefix, skip) if not _misfit(way.tensors, wanted)]
        if len(fitting) > 1:
            places = " and ".join(repr(shorten(way.stored)) for way in fitting)
            raise WeightsError(f"{name}: holds the network more than once ({places}); save the one that is meant alone")
        if not fitting or fitting[0].rest:
            raise WeightsError(f"{name}: this checkpoint does not fit the network; keys: {said}")
        [way] = fitting
        warnings.warn(
            f"{name}: its {shorten(way.stored)!r} was taken for {shorten(way.read)!r}, and all others alike, since "
            "they fit the network exactly then",
            stacklevel=1,  # by this module's name the command line knows it for one of SafeBench's
        )
        given = dict(way.tensors)
    module.load_state_dict(given, strict=False)


def _misfit(given: Mapping[str, Any], wanted: Mapping[str, Tensor]) -> str:
    """What keeps tensors from fitting a network's own; empty where they fit."""
    missing = [key for key in wanted if key not in given and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in given if key not in wanted]
    misshapen = [
        f"{key}: {mismatch}"
        for key, value in given.items()
        if key in wanted and (mismatch := _differs(value, wanted[key]))
    ]
    problems = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    said = [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in problems.items() if keys]
    return "; ".join(said)


def part(state: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    """The state that a checkpoint keeps under `key`, beside counters and optimisers.

    Raises WeightsError, naming `name` and the keys that there are, where it keeps none.
    """
    held = state.get(key)
    if not isinstance(held, Mapping):
        keys = [str(k) for k in state]
        raise WeightsError(
            f"{name}: this checkpoint does not fit the network; it has no '{key}', only {_some(keys) or 'nothing'}"
        )
    return held


def _attributes(module: Any) -> dict[Any, Any]:
    """What an object of the file has as its `__dict__`."""
    if not isinstance(module, StandIn):
        return {}
    if module.name != "torch_utils.persistence._reconstruct_persistent_obj":
        return _pairs(module.state)
    return _pairs(_pairs(module.args[0]).get("state")) if module.args else {}


def _pairs(held: Any) -> dict[Any, Any]:
    """A dictionary, also one of a class that was not imported; an empty one for anything else."""
    return held.pairs if isinstance(held, StandIn) else held if isinstance(held, dict) else {}


def _differs(value: Any, wanted: Tensor) -> str:
    if not isinstance(value, Tensor):
        return "not a tensor"
    if value.shape != wanted.shape:
        return f"{list(value.shape)}, not {list(wanted.shape)}"
    if value.is_complex() != wanted.is_complex() or value.is_floating_point() != wanted.is_floating_point():
        return f"{value.dtype}, not {wanted.dtype}"
    return ""


def _some(keys: list[str], count: int = 3) -> str:
    return ", ".join(shorten(key) for key in keys[:count]) + ", …" * (len(keys) > count)


def _load_safetensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(path))
