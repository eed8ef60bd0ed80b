"""Reading torch's own files and plain pickles in place: the numbers stay on the disk until they are used."""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
from typing import IO, Any, cast

import torch
from torch import Tensor

from safebench.weights.read import archives
from safebench.weights.read.pickles import Embedded, Find, Reader, Refused, Storage, Unpickler
from safebench.weights.read.texts import shorten

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The number that torch before 1.6 put at the head of a file."""
Buffer = mmap.mmap | bytearray
Stream = mmap.mmap | io.BytesIO


def read_buffer(buffer: mmap.mmap) -> Any:
    """What a file of torch's or a pickle holds; raises Refused, BadZipFile or what a damaged file gives rise to."""
    if buffer[:4] == b"PK\x03\x04":
        return _load_zip(buffer)
    if buffer[:1] == b"\x80":
        return _load_stream(buffer, buffer, _embedded)
    raise Refused("it is neither safetensors nor a file of torch's nor a pickle of protocol 2 or later")


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
    return _unpickle(io.BytesIO(buffer[start : start + size]), _remember(find), _nothing_embedded, len(buffer))


def _load_stream(file: Stream, buffer: Buffer, embedded: Embedded) -> Any:
    """A pickle, or torch before 1.6: magic number, version, system, what was saved, keys, then each storage."""
    first = _unpickle(file, _nowhere, embedded, len(buffer))
    if first != LEGACY_MAGIC:
        return first
    _version, system = (_unpickle(file, _nowhere, embedded, len(buffer)) for _ in range(2))
    _check_byte_order(system["little_endian"])
    # The storages lie behind the pickle that uses them, so it is read twice: to find its end and its storages' types,
    # then to build the tensors.
    begin = file.tell()
    types: dict[str, torch.dtype] = {}

    def note(key: str, dtype: torch.dtype, count: int) -> Tensor:
        types[key] = dtype
        return torch.empty(count, dtype=dtype, device="meta")

    _unpickle(file, note, embedded, len(buffer))
    places: dict[str, tuple[int, int]] = {}
    start = 0
    for key in _unpickle(file, _nowhere, embedded, len(buffer)):
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
    return _unpickle(file, _remember(find), embedded, len(buffer))


def _unpickle(file: Reader, find: Find, embedded: Embedded, size: int) -> Any:
    return Unpickler(file, find, embedded, size).load()


def _embedded(data: bytes) -> Storage:
    """A storage that StyleGAN's files hold as the bytes of a file of torch's own."""
    storage = _load_stream(io.BytesIO(data), bytearray(data), _nothing_embedded)
    if not isinstance(storage, Storage):
        raise Refused("it holds no storage where one was expected")
    return storage


def _nothing_embedded(_data: bytes) -> Storage:
    """Files do not nest: each level would hold a copy of all that lies below it."""
    raise Refused("it holds a file within a file where torch writes none")


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
