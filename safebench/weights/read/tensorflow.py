"""Reading TensorFlow's checkpoints (tensor bundles) without TensorFlow: tables of numbers, no code in them.

NAME.index is a table as LevelDB writes it, of which each entry says where a tensor lies in NAME.data-00000-of-00001
(tensorflow/core/protobuf/tensor_bundle.proto).  No maintained library reads one alone, and TensorFlow takes a gigabyte.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import WeightsError
from safebench.weights.read.mistaken import check_stands_for_itself
from safebench.weights.read.texts import shorten

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_TRAILER = 5
"""Behind each block: how it is compressed, and its checksum."""
_MOST_BYTES, _LONGEST_NAME = 1 << 20, 512
"""Of an index: a network of a thousand tensors takes 60 kB."""
_TYPES = {1: torch.float32, 2: torch.float64, 3: torch.int32, 9: torch.int64}
"""By their numbers in tensorflow/core/framework/types.proto."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _RefusedError(ValueError):
    """What is wrong with a bundle, to follow the file's name."""


def load_bundle(index: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names (`level_0/conv/weights`), given its NAME.index.

    Tensors have TensorFlow's layout: convolutions are height x width x inputs x outputs.  Raises WeightsError, naming
    the file, where it or the numbers beside it are missing or damaged, are in several shards, compressed or sliced.
    """
    data = index.with_suffix(".data-00000-of-00001")
    for file in (index, data):
        check_stands_for_itself(file)
    try:
        if index.stat().st_size > _MOST_BYTES:
            raise _RefusedError(f"it has more than {_MOST_BYTES:,} bytes, more than an index needs")
        entries = dict(_entries(index.read_bytes()))
        _check_header(entries.pop("", b""))
        numbers = bytearray(data.read_bytes())
        state = {name: _tensor(name, value, numbers) for name, value in entries.items()}
    except OSError as error:
        raise WeightsError(f"{error.filename or index}: cannot be read ({error.strerror or error})") from None
    except _RefusedError as error:
        raise WeightsError(f"{index}: this checkpoint of TensorFlow's is refused: {error}") from None
    except (ValueError, IndexError, struct.error):
        raise WeightsError(f"{index}: is damaged or is no index of a TensorFlow checkpoint; fetch it again") from None
    if sum(tensor.nbytes for tensor in state.values()) > len(numbers):
        raise WeightsError(f"{index}: this checkpoint of TensorFlow's is refused: its tensors lie over one another")
    return state


def _entries(table: bytes) -> Iterator[tuple[str, bytes]]:
    """Each name of a table and what stands under it, in order."""
    if len(table) < _FOOTER or struct.unpack_from("<Q", table, len(table) - 8)[0] != _MAGIC:
        raise ValueError
    footer = table[-_FOOTER:-8]
    _, at = _handle(footer, 0)
    blocks, _ = _handle(footer, at)
    before = b""
    for _, place in _pairs(_block(table, *blocks)):
        for key, value in _pairs(_block(table, *_handle(place, 0)[0])):
            if key <= before and before:
                raise _RefusedError("its names are not in order")
            before = key
            yield key.decode(), value


def _pairs(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; each key says how much of the one before it begins with."""
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 * (restarts + 1)
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        size, at = _varint(block, at)
        if shared > len(key) or shared + own > _LONGEST_NAME or at + own + size > end:
            raise ValueError
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + size]
        at += own + size


def _block(table: bytes, start: int, size: int) -> bytes:
    if size < 4 or start + size + _TRAILER > len(table):
        raise ValueError
    if table[start + size]:
        raise _RefusedError("its index is compressed, which TensorFlow's own never is")
    return table[start : start + size]


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    start, at = _varint(data, at)
    size, at = _varint(data, at)
    return (start, size), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where what follows it begins."""
    number = 0
    for shift in range(0, 64, 7):
        number |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return number, at
    raise ValueError


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number and value."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif not size:
            raise ValueError
        if at + size > len(message):
            raise ValueError
        yield tag >> 3, message[at : at + size]
        at += size


def _check_header(message: bytes) -> None:
    """The entry without a name: of how many shards the numbers consist (1), and their byte order (2; 0 is little)."""
    held = dict(_fields(message))
    if held.get(1) != 1:
        raise _RefusedError("its numbers are not in one file (NAME.data-00000-of-00001)")
    if held.get(2, 0):
        raise _RefusedError("its numbers are big-endian")


def _tensor(name: str, message: bytes, numbers: bytearray) -> Tensor:
    """An entry: type (1), shape (2), shard (3), place and size in bytes (4, 5), slices (7)."""
    said = shorten(name)
    held = dict(_fields(message))
    kind = held.get(1)
    if not isinstance(kind, int) or kind not in _TYPES or 7 in held or held.get(3, 0):
        raise _RefusedError(f"its {said} is sliced, or of a type that networks have no need of")
    shape = _shape(held.get(2, b""))
    start, size = held.get(4, 0), held.get(5, 0)
    if not isinstance(start, int) or not isinstance(size, int):
        raise ValueError
    dtype = _TYPES[kind]
    if math.prod(shape) * dtype.itemsize != size:
        raise _RefusedError(f"its {said} of shape {shape} does not take {size} bytes")
    if start + size > len(numbers):
        raise _RefusedError(f"its {said} claims more than the file of its numbers holds")
    if not size:
        return torch.zeros(shape, dtype=dtype)
    return torch.frombuffer(numbers, dtype=dtype, count=math.prod(shape), offset=start).reshape(shape)


def _shape(message: int | bytes) -> list[int]:
    """A TensorShapeProto: the sizes (1) of its dimensions (2)."""
    if isinstance(message, int):
        raise ValueError
    shape = []
    for number, dimension in _fields(message):
        if number != 2 or isinstance(dimension, int):
            raise ValueError
        size = dict(_fields(dimension)).get(1, 0)
        if not isinstance(size, int):
            raise ValueError
        shape.append(size)
    return shape
