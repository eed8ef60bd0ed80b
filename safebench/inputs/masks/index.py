"""Measures how large the holes of many masks are, once: what was measured is kept in the cache."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from safebench.errors import ImageError
from safebench.files import atomic_write, cache_folder
from safebench.weights.fetch import transfers

_VERSION = "2"
_MANY = 2_000


class Measurable(Protocol):
    """A mask that lies in a file."""

    @property
    def path(self) -> Path:
        """The file."""

    def stamp(self) -> str:
        """What changes when the file does; raises OSError."""

    def load(self) -> NDArray[np.bool_]:
        """The mask at its own size: bool H x W, True = hole; raises ImageError, OSError."""


class Measured(msgspec.Struct, frozen=True, array_like=True):
    """A mask's own height, width and hole in pixels, and its hole after the resize."""

    height: int
    width: int
    own_hole: int
    hole: int


def measured(mask: NDArray[np.bool_], hole: int = 0) -> Measured:
    """What is measured of a mask, bool H x W; `hole` as in `Measured`."""
    height, width = mask.shape
    return Measured(height, width, int(np.count_nonzero(mask)), hole)


def measure_all(files: Mapping[str, Measurable], size: int) -> tuple[dict[str, Measured], list[str]]:
    """Measure every mask after the nearest-neighbour resize to `size`.

    Returns what was measured by name, and a sentence for each mask that cannot be read.  The cache is keyed by the
    names, sizes and times of the files; masks that could not be read are tried again each time.
    """
    place = _place(files, size)
    known = _read(place)
    missing = [name for name in files if name not in known]
    problems = []
    with _told(len(missing)), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for name, result in zip(missing, pool.map(lambda name: _measure(files[name], size), missing), strict=True):
            if isinstance(result, str):
                problems.append(result)
            else:
                known[name] = result
    readable = {name: known[name] for name in files if name in known}
    if len(missing) > len(problems):
        _write(place, readable)
    return readable, problems


@contextmanager
def _told(masks: int) -> Iterator[None]:
    """Say on standard error that it takes a while, where it does, and how long it took."""
    begun = time.perf_counter()
    if masks >= _MANY:
        transfers.note(f"Measuring the holes of {masks:,} masks; it is done once")
    yield
    if masks >= _MANY:
        transfers.note(f"Measured {masks:,} masks in {time.perf_counter() - begun:.0f} s")


def _measure(file: Measurable, size: int) -> Measured | str:
    from safebench.inputs.images import square_mask

    try:
        mask = file.load()
    except (ImageError, OSError) as error:
        return str(error)
    return measured(mask, int(np.count_nonzero(square_mask(mask, size))))


def _place(files: Mapping[str, Measurable], size: int) -> Path:
    digest = hashlib.sha256(f"{_VERSION}\0{size}\n".encode())
    for name, file in files.items():
        digest.update(f"{file.path}\0{name}\0{_stamp(file)}\n".encode("utf-8", "surrogateescape"))
    return cache_folder() / "masks" / f"{digest.hexdigest()[:32]}.json"


def _stamp(file: Measurable) -> str:
    try:
        return file.stamp()
    except OSError:
        return "unreadable"


def _read(place: Path) -> dict[str, Measured]:
    """What the cache holds; nothing where it is missing or damaged."""
    try:
        checksum, _, content = place.read_bytes().partition(b"\n")
        if checksum.decode() != hashlib.sha256(content).hexdigest():
            return {}
        return msgspec.json.decode(content, type=dict[str, Measured])
    except (OSError, ValueError, msgspec.MsgspecError):
        return {}


def _write(place: Path, measured: dict[str, Measured]) -> None:
    content = msgspec.json.encode(measured)
    try:
        atomic_write(place, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    except OSError:  # a cache that cannot be written only costs time
        return
