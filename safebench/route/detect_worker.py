"""The worker of the third stage: a detector looks at images, and its maps are compared with the holes."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images import encode_png, read_mask, read_photo
from safebench.metrics.catalogue import chosen, features, measure, stored
from safebench.metrics.evidence import MapEvidence
from safebench.metrics.feature import encoded
from safebench.models import calling
from safebench.models.contracts import Detector
from safebench.models.specs import ModelSpec
from safebench.work.tasks import Adaptive, Answer, Failure, FileRef, Item, Portable, Result, attempt, loaded_once


@dataclass(frozen=True)
class _Seen:
    """An image, the hole in it (None: it has none), and once it was looked at, what was found."""

    item: Item
    image: NDArray[np.uint8]
    hole: NDArray[np.bool_] | None
    map: calling.Map | None = None
    score: float = math.nan
    confidence: calling.Map | None = None


@dataclass
class DetectWorker(Portable):
    """One detector at work; `metrics` are those asked for beside the default set."""

    spec: ModelSpec
    device: str
    metrics: tuple[str, ...] = ()
    _adaptive: Adaptive = field(default_factory=lambda: Adaptive("detect"), repr=False)

    @loaded_once
    def model(self) -> Detector:
        """Loaded when the first image has to be looked at."""
        return self.spec.load_detector(self.device)

    def load(self, items: Sequence[Item]) -> list[_Seen | Failure]:
        """Decode images and holes."""
        return [attempt("detect", _seen, item) for item in items]

    def compute(self, loaded: list[_Seen | Failure]) -> list[_Seen | Failure]:
        """Call the detector."""
        found = iter(self._adaptive([one for one in loaded if isinstance(one, _Seen)], self._look))
        return [next(found) if isinstance(one, _Seen) else one for one in loaded]

    def finish(self, computed: list[_Seen | Failure]) -> list[Result]:
        """Measure, and encode the maps that are kept."""
        return [one if isinstance(one, Failure) else attempt("detect", self._measure, one) for one in computed]

    def _look(self, batch: Sequence[_Seen]) -> list[_Seen]:
        images = np.stack([one.image for one in batch])
        with contextlib.ExitStack() as stack:
            paths = [stack.enter_context(_on_disk(one.item.files["image"])) for one in batch]
            found = calling.detect(self.model, images, paths, self.spec.precision)
        confidence = [None] * len(batch) if found.confidence is None else found.confidence
        return [
            _Seen(one.item, one.image, one.hole, found.maps[k], float(found.scores[k]), confidence[k])
            for k, one in enumerate(batch)
        ]

    def _measure(self, one: _Seen) -> Answer:
        if one.map is None:
            raise AssertionError("compute gives every image a map")
        evidence = MapEvidence(one.map, one.hole, one.score)
        values: dict[str, Any] = {**measure(stored(chosen(self.metrics), quality=False).values(), evidence)}
        kept = {"map": one.map, "confidence": one.confidence} if one.item.keep else {}
        files = {kind: FileRef(Path(f"{kind}.png"), _encode(each)) for kind, each in kept.items() if each is not None}
        if one.hole is not None:
            wanted = features(chosen(self.metrics), "map")
            files |= {n: FileRef(Path(f"{n}.npz"), encoded(f.extract(evidence))) for n, f in wanted.items()}
        return Answer(values, files)


def _seen(item: Item) -> _Seen:
    image, mask = item.files["image"], item.files.get("mask")
    return _Seen(item, read_photo(image.path, image.read()), read_mask(mask.path, mask.read()) if mask else None)


@contextlib.contextmanager
def _on_disk(file: FileRef) -> Iterator[Path]:
    """The file's path, or, where only its bytes are here, that of a copy: some detectors read files."""
    if file.data is None and not file.url:
        yield file.path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, file.path.name)
        copy.write_bytes(file.read())
        yield copy


def _encode(values: calling.Map) -> bytes:
    """16-bit gray PNG of a map in [0, 1]."""
    return encode_png(np.rint(values.astype(np.float64) * 65535).astype(np.uint16))
