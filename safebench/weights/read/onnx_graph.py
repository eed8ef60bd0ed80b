"""Which files an ONNX graph keeps its numbers in, read from the graph itself.

The graph is walked as the protobuf message that it is, in place: lengths are followed, numbers are never read, nothing
is built.  The `onnx` package is not used: it would be needed to know a network's identity where ONNX Runtime alone
runs it, it reads a file of gigabytes into memory to find a name in it, and what it lists leaves out functions and
sparse tensors.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from safebench.errors import WeightsError
from safebench.weights.read.texts import shorten

INSIDE = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
}
"""The messages of onnx.proto that lead to tensors: their fields by number, and what message each holds."""
_ENTRY, _KEPT = 13, 14
"""Of a tensor: a key and its value that say where its numbers are; and whether they are elsewhere (1)."""
FIELDS = 20_000_000
"""Of one graph, at most; large ones have some hundred thousand."""
LARGEST_GRAPH = 1 << 31
"""Bytes that a protobuf message may have."""
LARGEST_DATA = 64 << 30
"""Bytes that the files beside a graph may have together."""

Span = tuple[int, int]
"""Where a message begins and ends in the file."""


class NoGraphError(WeightsError):
    """A file is no ONNX graph."""


def external_files(path: Path) -> dict[str, Path]:
    """The files that the graph in `path` keeps numbers in, by the names that it gives them, in sorted order.

    Raises NoGraphError where the file is no ONNX graph, and WeightsError where such a name leads out of the graph's
    folder, where such a file is missing, or where all of them are too large to be meant.
    """
    files = {}
    for location in sorted(_locations(path)):
        parts = PurePosixPath(location.replace("\\", "/"))
        if not location or parts.is_absolute() or ".." in parts.parts or ":" in location or "\0" in location:
            raise WeightsError(
                f"{path}: keeps numbers in {shorten(location)!r}, which is not in its own folder; save it again with "
                "its data beside it"
            )
        files[location] = path.parent / location
        if not files[location].is_file():
            raise WeightsError(
                f"{path}: keeps numbers in {shorten(location)!r}, and there is no such file; put it beside the graph"
            )
    size = sum(file.stat().st_size for file in files.values())
    if size > LARGEST_DATA:
        raise WeightsError(f"{path}: the files beside it have {size >> 30} GiB; {LARGEST_DATA >> 30} at most are read")
    return files


def _locations(path: Path) -> set[str]:
    """What the tensors of a graph name as the files of their numbers."""
    locations: set[str] = set()
    try:
        size = path.stat().st_size
        if not 0 < size < LARGEST_GRAPH:
            raise NoGraphError(f"{path}: is no ONNX graph: it has {size} bytes")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
            fields = 0
            todo: list[tuple[str, Span]] = [("Model", (0, size))]
            while todo:
                kind, span = todo.pop()
                external, named = False, set()
                for number, value in _fields(buffer, span):
                    if (fields := fields + 1) > FIELDS:
                        raise ValueError("it has more parts than any graph")
                    if kind != "Tensor":
                        inner = INSIDE[kind].get(number)
                        todo += [(inner, value)] if inner and isinstance(value, tuple) else []
                    elif number == _KEPT and isinstance(value, int):
                        external = value == 1
                    elif number == _ENTRY and isinstance(value, tuple):
                        named |= _location(buffer, value)
                locations |= named if external else set()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, IndexError) as error:
        raise NoGraphError(f"{path}: is no ONNX graph ({error})") from None
    return locations


def _location(buffer: mmap.mmap, span: Span) -> set[str]:
    """The value of one entry of a tensor, where its key is `location`."""
    texts = {n: buffer[value[0] : value[1]] for n, value in _fields(buffer, span) if isinstance(value, tuple)}
    return {texts.get(2, b"").decode()} if texts.get(1) == b"location" else set()


def _fields(buffer: mmap.mmap, span: Span) -> Iterator[tuple[int, int | Span]]:
    """The fields of one message in their order: number, and its value (a whole number) or where it lies.

    Raises ValueError or IndexError where the bytes are no message.
    """
    at, end = span
    while at < end:
        tag, at = _number(buffer, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _number(buffer, at)
            yield number, value
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        elif wire == 2:
            length, at = _number(buffer, at)
            yield number, (at, at + length)
            at += length
        else:
            raise ValueError(f"it has a field of a kind that there is none of, at byte {at}")
        if number == 0 or at > end:
            raise ValueError(f"it breaks off or holds something else at byte {min(at, end)}")


def _number(buffer: mmap.mmap, at: int) -> tuple[int, int]:
    """A whole number of 7 bits a byte, and where the next thing begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f"it holds a number without an end at byte {at}")
