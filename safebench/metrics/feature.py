"""What a picture leaves behind for metrics over cells: computed once, and stored as evidence."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Network:
    """A network that metrics or features need: its name in `needs`, and how it is loaded.

    load: takes the torch.device; raises a SafebenchError that says why where it cannot be had.
    """

    name: str
    load: Callable[[Any], Any]


@dataclass(frozen=True)
class Feature:
    """One kind of evidence.

    name: a folder's name, and its name in `needs`.
    of: `composite`, and then of its original too; or `map`, of a detector's answer to a picture with a hole.
    extract: an array; of a picture (uint8 H x W x 3) and the loaded network, or of a `MapEvidence`.
    network: what `extract` needs beside the picture.
    """

    name: str
    of: Literal["composite", "map"]
    extract: Callable[..., NDArray[Any]]
    network: Network | None = None


def encoded(array: NDArray[Any]) -> bytes:
    """An array as a file's bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, array)
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[Any]:
    """The array of such a file; raises ValueError for another.  Runs no code."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            array: NDArray[Any] = file["arr_0"]
            return array
    except Exception as error:  # a damaged zip raises many kinds
        raise ValueError(f"is no stored feature ({error})") from None
