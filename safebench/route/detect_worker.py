"""The worker of the third stage: a detector looks at images, and its maps are compared with the holes."""

from __future__ import annotations

import contextlib
import hashlib
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from safebench.inputs.images import encode_png, read_mask
from safebench.metrics.catalogue import chosen, features, measure, stored
from safebench.metrics.evidence import MapEvidence
from safebench.metrics.feature import encoded
from safebench.models import calling, tiling
from safebench.models.contracts import Detector
from safebench.models.masked_image import MaskedImage
from safebench.models.specs import ModelSpec
from safebench.route.chains import Chain
from safebench.route.postprocess import Postprocessor
from safebench.work.tasks import Adaptive, Answer, Failure, FileRef, Item, Portable, Result, attempt, loaded_once


@dataclass(frozen=True)
class _Seen:
    """An image as it is shown with the hole in it (None: it has none), and once it was looked at, what was found.

    file: the file that the image is, for a detector that reads files.  moved: whether its mask is another than the
    item's.
    """

    item: Item
    image: MaskedImage
    file: FileRef
    moved: bool = False
    map: calling.Map | None = None
    score: float = math.nan
    confidence: calling.Map | None = None


@dataclass
class DetectWorker(Portable):
    """One detector at work.

    metrics: those asked for beside the default set.  chains: of post-processing, by label, that items may ask for.
    """

    spec: ModelSpec
    device: str
    metrics: tuple[str, ...] = ()
    chains: Mapping[str, Chain] = field(default_factory=dict)
    _adaptive: Adaptive = field(default_factory=lambda: Adaptive("detect"), repr=False)

    @loaded_once
    def model(self) -> Detector:
        """Loaded when the first image has to be looked at."""
        return self.spec.load_detector(self.device)

    def load(self, items: Sequence[Item]) -> list[_Seen | Failure]:
        """Decode images and holes, and do to them what is asked for."""
        return [self._prepare(item) for item in items]

    def compute(self, loaded: list[_Seen | Failure]) -> list[_Seen | Failure]:
        """Call the detector."""
        looked = iter(self._adaptive([item for item in loaded if isinstance(item, _Seen)], self._look))
        return [self._advised(next(looked)) if isinstance(item, _Seen) else item for item in loaded]

    def _advised(self, looked: _Seen | Failure) -> _Seen | Failure:
        """With what helps where the memory was too small for a single picture."""
        by_pixels = self.spec.entry.card.input.reads == "pixels"
        if isinstance(looked, Failure) and "memory" in looked.error.lower() and by_pixels:
            return replace(looked, error=f"{looked.error}; --tile N lets it look at large pictures in parts")
        return looked

    def finish(self, computed: list[_Seen | Failure]) -> list[Result]:
        """Measure, and encode the maps that are kept."""
        return [item if isinstance(item, Failure) else attempt("detect", self._measure, item) for item in computed]

    def _look(self, batch: Sequence[_Seen]) -> list[_Seen]:
        images = np.stack([seen.image.pixels for seen in batch])
        with contextlib.ExitStack() as stack:
            paths = []
            if self.model.card.input.reads == "files":
                paths = [stack.enter_context(_on_disk(seen.file)) for seen in batch]
            names = [seen.item.called for seen in batch]
            findings = tiling.detect(self.model, images, self.spec.tile, paths, self.spec.precision, names)
        self.spec.check_unchanged(names)
        confidence = [None] * len(batch) if findings.confidence is None else findings.confidence
        return [
            replace(seen, map=findings.maps[k], score=float(findings.scores[k]), confidence=confidence[k])
            for k, seen in enumerate(batch)
        ]

    def _measure(self, seen: _Seen) -> Answer:
        if seen.map is None:
            raise AssertionError("compute gives every image a map")
        evidence = MapEvidence(seen.map, seen.image.mask, seen.score)
        values: dict[str, Any] = {**measure(stored(chosen(self.metrics), quality=False).values(), evidence)}
        values["picture_sha256"] = hashlib.sha256(seen.image.file).hexdigest() if seen.item.asked else ""
        kept = {"map": seen.map, "confidence": seen.confidence} if "map" in seen.item.keep else {}
        files = {
            kind: FileRef(Path(f"{kind}.png"), _encode(pixels)) for kind, pixels in kept.items() if pixels is not None
        }
        if "picture" in seen.item.keep and "shown" not in seen.item.files:
            files["picture"] = FileRef(Path(f"picture{seen.image.suffix}"), seen.image.file)
            if seen.moved and seen.image.mask is not None:
                files["mask"] = FileRef(Path("mask.png"), encode_png(seen.image.mask))
        if seen.image.mask is not None:
            wanted = features(chosen(self.metrics), "map")
            files |= {n: FileRef(Path(f"{n}.npz"), encoded(f.extract(evidence))) for n, f in wanted.items()}
        return Answer(values, files)

    def _prepare(self, item: Item) -> _Seen | Failure:
        seen = attempt("detect", _seen, item)
        if isinstance(seen, Failure) or not item.asked or "shown" in item.files:
            return seen
        return attempt("postprocess", self._processed, seen)

    def _processed(self, seen: _Seen) -> _Seen:
        image = self._postprocess(seen.item.asked, seen.image)
        name = seen.file.path.with_suffix(image.suffix)
        before = seen.image.mask
        moved = image.mask is not None and before is not None and not np.array_equal(image.mask, before)
        return _Seen(seen.item, image, FileRef(name, image.file), moved)

    @loaded_once
    def _postprocess(self) -> Postprocessor:
        return Postprocessor(self.chains, self.device)


def _seen(item: Item) -> _Seen:
    file, mask = item.files.get("shown", item.files["image"]), item.files.get("mask")
    hole = read_mask(mask.path, mask.read()) if mask else None
    return _Seen(item, MaskedImage.of_file(file.read(), file.path, hole), file)


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
