"""The worker that looks at forged pictures which were given: are they whole, do their masks fit, how good they look."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images import read_mask, read_photo
from safebench.inputs.pictures.holes import check_hole
from safebench.protocol import RECEIVED
from safebench.route.measuring import Measuring, Pixels
from safebench.work.tasks import Answer, Failure, Item, Result, attempt


@dataclass(frozen=True)
class _Evidence:
    """A picture (uint8 H x W x 3), its file's sha256, its hole, and its original where there is one of its size.

    features: the names of what was left behind before.
    """

    pixels: Pixels
    sha256: str
    hole: NDArray[np.bool_]
    original: Pixels | None
    features: frozenset[str] = frozenset()


@dataclass
class ReceivedWorker(Measuring):
    """Reads, checks and measures; it calls no model.

    device, lpips_net, metrics: as for `Measuring`.
    """

    device: str
    lpips_net: str
    metrics: tuple[str, ...] = ()

    def load(self, items: Sequence[Item]) -> list[_Evidence | Failure]:
        """Decode pictures, masks and originals, and hold them against one another."""
        return [_evidence(item) for item in items]

    def compute(self, loaded: list[_Evidence | Failure]) -> list[_Evidence | Failure]:
        """Nothing is to be called."""
        return loaded

    def finish(self, computed: list[_Evidence | Failure]) -> list[Result]:
        """Measure."""
        return [one if isinstance(one, Failure) else attempt("quality", self._measure, one) for one in computed]

    def _measure(self, one: _Evidence) -> Answer:
        pictures = {RECEIVED: one.pixels, **({} if one.original is None else {"original": one.original})}
        values = self.figures(one.pixels, one.original, one.hole)
        return Answer(values | {"composite_sha256": one.sha256}, self.left_behind(pictures, one.features))


def _evidence(item: Item) -> _Evidence | Failure:
    read = attempt("read", _read, item)
    return read if isinstance(read, Failure) else attempt("mask", lambda pair: _with_hole(item, *pair), read)


def _read(item: Item) -> tuple[Pixels, str]:
    file = item.files["picture"]
    data = file.read()
    return read_photo(file.path, data), hashlib.sha256(data).hexdigest()


def _with_hole(item: Item, pixels: Pixels, sha256: str) -> _Evidence:
    mask, file = item.files["mask"], item.files.get("original")
    hole = read_mask(mask.path, mask.read())
    original = read_photo(file.path, file.read()) if file else None
    check_hole(mask.path, hole, pixels, original)
    alike = original is not None and original.shape == pixels.shape
    return _Evidence(pixels, sha256, hole, original if alike else None, frozenset(item.files))
