"""Reading checkpoints without running code, and fitting them to a network.

`load_state` reads safetensors, torch's files (the zip of torch 1.6 and later, and the format before it), Lightning's
checkpoints and StyleGAN's pickles.  Torch's own loader is not used, even with weights_only=True: before torch 2.6 that
could be made to run code (CVE-2025-32434), it unpacks compressed entries and reserves what a file claims before it
looks whether the file holds that much, and it refuses Lightning's and StyleGAN's files altogether.
"""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import Tensor, nn

from safebench import archives
from safebench.errors import WeightsError
from safebench.pickles import Find, Reader, Refused, StandIn, Storage, Unpickler, shorten

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The number that torch before 1.6 put at the head of a file."""
Buffer = mmap.mmap | bytearray
Stream = mmap.mmap | io.BytesIO


def load_state(path: Path | None) -> dict[str, Any]:
    """What a checkpoint file holds: a dictionary of tensors, containers, numbers and texts; nothing in it was run.

    Tensors are on the CPU and read from the disk when they are used.  Objects of other classes are `StandIn`s; a
    network pickled whole (as in StyleGAN's files) is turned into its state by `network_state`.
    Raises WeightsError, naming the file, where it is missing, damaged, of another format, or holds what a checkpoint
    must not hold; and for None, which a model is given that was loaded without its checkpoint.
    """
    if path is None:
        raise WeightsError("this model cannot work without its checkpoint; name the file that holds it")
    try:
        with path.open("rb") as file:
            head = file.read(9)
            if path.suffix == ".safetensors" or (head[4:8] == bytes(4) and head[8:] == b"{"):
                return _load_safetensors(path)
            if not head:
                raise Refused("it is empty")
            held = _load_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
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


def network_state(network: Any, name: str) -> dict[str, Tensor]:
    """The state (key to tensor) of a network that was pickled whole, as its own `state_dict` would give it.

    Takes a `StandIn` of an nn.Module, also one wrapped by StyleGAN's persistence.  Raises WeightsError, naming `name`,
    where it is none.
    """
    state: dict[str, Tensor] = {}
    seen: set[int] = set()
    todo = [("", network)]
    while todo:
        prefix, module = todo.pop()
        parts = _attributes(module)
        if "_parameters" not in parts or "_modules" not in parts:
            raise WeightsError(f"{name}: holds no network where one was expected ({shorten(prefix) or 'at its root'})")
        if id(module) in seen:  # a file that refers to one part from many places could unfold without end
            raise WeightsError(f"{name}: one part of its network stands in two places ({shorten(prefix)})")
        seen.add(id(module))
        transient = parts.get("_non_persistent_buffers_set", ())
        tensors = {**parts["_parameters"], **{k: v for k, v in parts["_buffers"].items() if k not in transient}}
        state.update({prefix + key: value for key, value in tensors.items() if isinstance(value, Tensor)})
        todo += [(f"{prefix}{key}.", child) for key, child in parts["_modules"].items() if child is not None]
    return state


def fit(module: nn.Module, state: Mapping[str, Any], name: str, *, prefix: str = "", skip: Sequence[str] = ()) -> None:
    """Copy a checkpoint's tensors into a network, all of them or none.

    Only keys that begin with `prefix` are taken, without it; of those, keys that begin with one of `skip` are passed
    over.  Numbers are converted to the network's precision.  Raises WeightsError, naming `name` and the first few
    missing, unexpected and misshapen keys, where the two do not fit exactly.  (A count of batches may be missing, as
    it is in files older than torch 0.4.1; it takes no part in inference.)
    """
    given = {str(key).removeprefix(prefix): value for key, value in state.items() if str(key).startswith(prefix)}
    given = {key: value for key, value in given.items() if not key.startswith(tuple(skip))}
    wanted = module.state_dict()
    missing = [key for key in wanted if key not in given and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in given if key not in wanted]
    misshapen = [
        f"{key}: {mismatch}"
        for key, value in given.items()
        if key in wanted and (mismatch := _differs(value, wanted[key]))
    ]
    problems = {"missing": missing, "unexpected": unexpected, "misshapen": misshapen}
    said = [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in problems.items() if keys]
    if said:
        raise WeightsError(f"{name}: this checkpoint does not fit the network; keys: {'; '.join(said)}")
    module.load_state_dict(given, strict=False)


def part(state: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    """The state that a checkpoint keeps under `key`, beside counters and optimisers.

    Raises WeightsError, naming `name` and the keys that there are, where it keeps none.
    """
    held = state.get(key)
    if not isinstance(held, Mapping):
        keys = [str(k) for k in state]
        raise WeightsError(f"{name}: this checkpoint does not fit the network; it has no '{key}', only {_some(keys)}")
    return held


def _attributes(module: Any) -> dict[Any, Any]:
    """What an object of the file has as its `__dict__`."""
    if not isinstance(module, StandIn):
        return {}
    state = module.state
    if module.name == "torch_utils.persistence._reconstruct_persistent_obj":
        meta = module.args[0]
        state = (meta.pairs if isinstance(meta, StandIn) else meta)["state"]
    return state.pairs if isinstance(state, StandIn) else state if isinstance(state, dict) else {}


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


def _load_buffer(buffer: mmap.mmap) -> Any:
    if buffer[:4] == b"PK\x03\x04":
        return _load_zip(buffer)
    if buffer[:1] == b"\x80":
        return _load_stream(buffer, buffer)
    raise Refused("it is neither safetensors nor a file of torch's nor a pickle")


def _load_zip(buffer: mmap.mmap) -> Any:
    """torch 1.6 and later: NAME/data.pkl, and each storage as it lies in memory as NAME/data/KEY."""
    if not zipfile.is_zipfile(cast(IO[bytes], buffer)):
        raise Refused("it is cut off: its end, which lists its parts, is missing; fetch it again")
    with zipfile.ZipFile(cast(IO[bytes], buffer)) as archive:
        members = archives.members(archive)
    if sum(info.file_size for info in members.values()) > len(buffer):
        raise Refused("its parts claim more than the file holds, or are compressed, which torch never does")
    root = next((name.removesuffix("/data.pkl") for name in members if name.endswith("/data.pkl")), None)
    if root is None:
        raise Refused("it is a zip file, but not one of torch's")
    if f"{root}/constants.pkl" in members:
        raise Refused("it is a TorchScript program; use it as torchscript:FILE")

    def place(name: str) -> tuple[int, int]:
        info = members.get(f"{root}/{name}")
        if info is None:
            raise Refused(f"its part {shorten(name)} is missing")
        if info.compress_type != zipfile.ZIP_STORED:
            raise Refused(f"its part {shorten(name)} is compressed, which torch never does")
        names = struct.unpack_from("<HH", buffer, info.header_offset + 26)
        start = info.header_offset + 30 + sum(names)
        if info.file_size != info.compress_size or start + info.file_size > len(buffer):
            raise Refused(f"its part {shorten(name)} claims more than the file holds")
        return start, info.file_size

    def find(key: str, dtype: torch.dtype, count: int) -> Tensor:
        start, size = place(f"data/{key}")
        if count * dtype.itemsize > size:
            raise Refused(f"it holds a tensor that claims {shorten(str(count))} numbers where {size} bytes are")
        return _numbers(buffer, start, dtype, count)

    if f"{root}/byteorder" in members:
        start, size = place("byteorder")
        _check_byte_order(buffer[start : start + size] == b"little")
    start, size = place("data.pkl")
    return _unpickle(io.BytesIO(buffer[start : start + size]), _remember(find), len(buffer))


def _load_stream(file: Stream, buffer: Buffer) -> Any:
    """A pickle, or torch before 1.6: magic number, version, system, what was saved, keys, then each storage."""
    first = _unpickle(file, _nowhere, len(buffer))
    if first != LEGACY_MAGIC:
        return first
    _version, system = (_unpickle(file, _nowhere, len(buffer)) for _ in range(2))
    _check_byte_order(system["little_endian"])
    # The storages lie behind the pickle that uses them, so it is read twice: to find its end and its storages' types,
    # then to build the tensors.
    begin = file.tell()
    types: dict[str, torch.dtype] = {}

    def note(key: str, dtype: torch.dtype, count: int) -> Tensor:
        types[key] = dtype
        return torch.empty(count, dtype=dtype, device="meta")

    _unpickle(file, note, len(buffer))
    places: dict[str, tuple[int, int]] = {}
    start = 0
    for key in _unpickle(file, _nowhere, len(buffer)):
        start = start or file.tell()
        (count,) = struct.unpack_from("<q", buffer, start)
        places[key] = start + 8, count
        start += 8 + count * types[key].itemsize
        if count < 0 or start > len(buffer):
            raise Refused(f"it claims {shorten(str(count))} numbers in a tensor, more than the file holds")

    def find(key: str, dtype: torch.dtype, count: int) -> Tensor:
        if places[key][1] != count:
            raise Refused(f"it says two different things of its storage {shorten(key)}")
        return _numbers(buffer, places[key][0], dtype, count)

    file.seek(begin)
    return _unpickle(file, _remember(find), len(buffer))


def _unpickle(file: Reader, find: Find, budget: int) -> Any:
    return Unpickler(file, find, _embedded, budget).load()


def _embedded(data: bytes) -> Storage:
    """A storage that StyleGAN's files hold as the bytes of a file of torch's own."""
    storage = _load_stream(io.BytesIO(data), bytearray(data))
    if not isinstance(storage, Storage):
        raise Refused("it holds no storage where one was expected")
    return storage


def _numbers(buffer: Buffer, start: int, dtype: torch.dtype, count: int) -> Tensor:
    if start % dtype.itemsize:  # older files align nothing; torch wants numbers where the processor does
        raw = bytearray(buffer[start : start + count * dtype.itemsize])
        return torch.frombuffer(raw, dtype=dtype, count=count)
    return torch.frombuffer(buffer, dtype=dtype, count=count, offset=start)


def _remember(find: Find) -> Find:
    """Tensors that share a storage share it here too, and no storage is copied twice."""
    known: dict[str, Tensor] = {}

    def again(key: str, dtype: torch.dtype, count: int) -> Tensor:
        if count == 0:
            return torch.empty(0, dtype=dtype)
        if key not in known:
            known[key] = find(key, dtype, count)
        if known[key].dtype != dtype or known[key].numel() != count:
            raise Refused(f"it says two different things of its storage {shorten(key)}")
        return known[key]

    return again


def _nowhere(key: str, _dtype: torch.dtype, _count: int) -> Tensor:
    raise Refused(f"its storage {shorten(key)} is not in the file")


def _check_byte_order(little: object) -> None:
    if little is not True:
        raise Refused("it was written on a big-endian machine; save it again on a common one")
