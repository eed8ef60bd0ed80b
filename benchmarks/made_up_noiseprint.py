"""Noiseprint's 51 networks as TensorFlow writes them, with numbers that anybody can draw again (see made_up.py).

The index that is written lacks its checksums, which SafeBench does not look at and TensorFlow does: weights that were
made up here are put into the authors' network tensor by tensor (detector_speed.py).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from made_up import Rule, draw  # type: ignore[import-not-found]
from numpy.typing import NDArray
from safebench_detectors._noiseprint_pp import LEVELS
from safebench_detectors.noiseprint_2019.network import QUALITIES, Noiseprint

TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}
OF_ITS_OWN = 90
"""The quality whose network is another than the rest."""


def write_networks(folder: Path) -> None:
    """A network for 90 and one that all other qualities share, in the published layout."""
    for quality in (OF_ITS_OWN, *QUALITIES):
        place = folder / f"net_jpg{quality}"
        if place.exists():
            continue
        place.mkdir(parents=True)
        if quality in (OF_ITS_OWN, QUALITIES[0]):
            write_bundle(place / "model", made_up(seed=quality))
            continue
        for file in (folder / f"net_jpg{QUALITIES[0]}").iterdir():
            os.link(file, place / file.name)


def made_up(seed: int) -> dict[str, NDArray[Any]]:
    """A network under TensorFlow's names, and what the training leaves beside it.

    Loud enough that a picture's grain comes through all levels: a flat noiseprint says nothing.
    """
    norms = "|".join(str(3 * level) for level in range(1, LEVELS - 1))
    rules: Mapping[str, Rule] = {
        r"^0\.weight$": lambda n: 5 * n,
        rf"^({norms})\.weight$": lambda n: 1.4 * (1 + 0.1 * n),
        r"^47\.weight$": lambda n: 0.05 * n,
    }
    state = draw(Noiseprint(), rules, seed)
    named: dict[str, NDArray[Any]] = {
        "corr_alpha": np.array(1.5, np.float32),
        "corr_beta": np.array(0, np.float32),
        "global_step": np.array(7, np.int32),
    }
    for level in range(LEVELS):
        conv = max(0, 3 * level - 1)
        named[f"level_{level}/conv/weights"] = state[f"{conv}.weight"].permute(2, 3, 1, 0).numpy()
        norm = conv + 1 if 0 < level < LEVELS - 1 else conv
        named[f"level_{level}/bias/beta"] = state[f"{norm}.bias"].numpy()
        if norm != conv:
            named[f"level_{level}/bn/gamma"] = state[f"{norm}.weight"].numpy()
            named[f"level_{level}/bn/moving_mean"] = state[f"{norm}.running_mean"].numpy()
            named[f"level_{level}/bn/moving_variance"] = state[f"{norm}.running_var"].numpy()
    return named


def write_bundle(prefix: Path, tensors: Mapping[str, Any], header: bytes = b"\x08\x01\x1a\x02\x08\x01") -> None:
    """PREFIX.index and PREFIX.data-00000-of-00001."""
    numbers, entries = b"", [(b"", header)]
    for name in sorted(tensors):
        held = np.ascontiguousarray(tensors[name])
        entries.append((name.encode(), entry(held.dtype.name, held.shape, len(numbers), held.nbytes)))
        numbers += held.tobytes()
    Path(f"{prefix}.data-00000-of-00001").write_bytes(numbers)
    Path(f"{prefix}.index").write_bytes(table(entries))


def entry(dtype: str, shape: Iterable[int], start: int, size: int) -> bytes:
    """What an index says of a tensor (a BundleEntryProto)."""
    sides = b"".join(b"\x12" + varint(len(side)) + side for side in (b"\x08" + varint(n) for n in shape))
    place = b"\x20" + varint(start) + b"\x28" + varint(size)
    return b"\x08" + varint(TYPES[dtype]) + b"\x12" + varint(len(sides)) + sides + place


def table(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """An index of one block, without checksums."""
    data = block(entries)
    rest = block([])
    places = block([(b"\xff", varint(0) + varint(len(data)))])
    footer = varint(len(data) + 5) + varint(len(rest)) + varint(len(data) + len(rest) + 10) + varint(len(places))
    return b"".join(part + bytes(5) for part in (data, rest, places)) + footer.ljust(40, b"\0") + MAGIC


def block(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Keys, each without what it begins with as the one before it does, and values."""
    out, before = b"", b""
    for key, value in entries:
        shared = next(
            (k for k, pair in enumerate(zip(before, key, strict=False)) if pair[0] != pair[1]),
            min(len(before), len(key)),
        )
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return out + struct.pack("<II", 0, 1)


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
