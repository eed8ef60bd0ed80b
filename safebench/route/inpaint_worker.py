"""The worker of the second stage: fills holes, and measures how good the composites look."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images import encode_png, read_mask, read_photo
from safebench.inputs.own import NOTE
from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.known_changed import known_share
from safebench.models import calling
from safebench.models.contracts import Inpainter
from safebench.models.specs import ModelSpec
from safebench.protocol import REGENERATED, SPLICED
from safebench.route.assemble import ASSEMBLIES
from safebench.route.measuring import Measuring
from safebench.work.tasks import Adaptive, Answer, Failure, FileRef, Item, Result, attempt, loaded_once


@dataclass(frozen=True)
class _Picture:
    """A picture made of an output (uint8 H x W x 3); the bytes of its file, where it is there from an earlier run."""

    pixels: NDArray[np.uint8]
    file: bytes | None = None


@dataclass(frozen=True)
class _Evidence:
    """A photo, its hole, and the pictures that there are, by assembly.

    features: the names of what was left behind before.  called: the sample's name in an exchange of files.  text: what
    is to be painted, for a model that takes texts.
    changed: the share of known pixels in which the output of a model elsewhere is not the photo.
    """

    photo: NDArray[np.uint8]
    hole: NDArray[np.bool_]
    pictures: Mapping[str, _Picture]
    features: frozenset[str] = frozenset()
    called: str = ""
    text: str = ""
    changed: float = math.nan


@dataclass
class InpaintWorker(Measuring):
    """One inpainter at work.

    lpips_net: the backbone that LPIPS comes from, or "" for none.  metrics: those asked for beside the default set.
    assemblies: the pictures to be made of each output.
    """

    spec: ModelSpec
    device: str
    lpips_net: str
    metrics: tuple[str, ...] = ()
    assemblies: tuple[str, ...] = (SPLICED,)
    _adaptive: Adaptive = field(default_factory=lambda: Adaptive("inpaint"), repr=False)

    @loaded_once
    def model(self) -> Inpainter:
        """Loaded when the first hole has to be filled."""
        return self.spec.load_inpainter(self.device)

    def load(self, items: Sequence[Item]) -> list[_Evidence | Failure]:
        """Decode photos, holes and the pictures that are there."""
        return [attempt("inpaint", self._evidence, item) for item in items]

    def compute(self, loaded: list[_Evidence | Failure]) -> list[_Evidence | Failure]:
        """Fill the batch, unless every picture is there: a batch of which one is missing is computed whole."""
        usable = [item for item in loaded if isinstance(item, _Evidence)]
        if all(item.pictures.keys() >= set(self.assemblies) for item in usable):
            return loaded
        filled = iter(self._adaptive(usable, self._fill))
        return [next(filled) if isinstance(item, _Evidence) else item for item in loaded]

    def finish(self, computed: list[_Evidence | Failure]) -> list[Result]:
        """Encode new pictures and measure all."""
        return [item if isinstance(item, Failure) else attempt("quality", self._measure, item) for item in computed]

    def _fill(self, batch: Sequence[_Evidence]) -> list[_Evidence]:
        photos, holes = (
            np.stack([evidence.photo for evidence in batch]),
            np.stack([evidence.hole for evidence in batch]),
        )
        names = [evidence.called for evidence in batch]
        texts = [evidence.text for evidence in batch]
        raw = calling.inpaint(self.model, photos, holes, self.spec.precision, names, texts)
        self.spec.check_unchanged(names)
        new = {assembly: ASSEMBLIES[assembly](photos, holes, raw) for assembly in self.assemblies}
        changed = self._changed(photos, holes, raw)
        return [
            replace(
                evidence,
                pictures={**{name: _Picture(made[k]) for name, made in new.items()}, **evidence.pictures},
                changed=changed[k],
            )
            for k, evidence in enumerate(batch)
        ]

    def _changed(self, photos: calling.Photos, holes: calling.Holes, raw: NDArray[np.float32]) -> Sequence[float]:
        """Of a model that works elsewhere, how much of each photo's known area it changed; NaN of other models."""
        if not self.spec.entry.card.input.named:
            return [math.nan] * len(photos)
        outputs = ASSEMBLIES[REGENERATED](photos, holes, raw)
        pairs = zip(outputs, photos, holes, strict=True)
        return [known_share(CompositeEvidence(*pictures, {})) for pictures in pairs]

    def _measure(self, evidence: _Evidence) -> Answer:
        """The figures of each assembly, and the files that are new."""
        values: dict[str, Any] = {"changed": evidence.changed}
        pictures = {**{name: picture.pixels for name, picture in evidence.pictures.items()}, "original": evidence.photo}
        files = self.left_behind(pictures, evidence.features)
        for assembly in self.assemblies:
            picture = evidence.pictures[assembly]
            file = picture.file
            if file is None:
                file = encode_png(picture.pixels, provenance(self.spec, assembly))
                files[assembly] = FileRef(Path(f"{assembly}.png"), file)
            values[assembly] = self.figures(picture.pixels, evidence.photo, evidence.hole) | {
                "composite_sha256": hashlib.sha256(file).hexdigest()
            }
        return Answer(values, files)

    def _evidence(self, item: Item) -> _Evidence:
        original, mask = item.files["original"], item.files["mask"]
        made = {name: item.files[name] for name in self.assemblies if name in item.files}
        return _Evidence(
            read_photo(original.path, original.read()),
            read_mask(mask.path, mask.read()),
            {name: _read(file) for name, file in made.items()},
            frozenset(item.files),
            item.called,
            item.text,
        )


def _read(file: FileRef) -> _Picture:
    data = file.read()
    return _Picture(read_photo(file.path, data), data)


def provenance(spec: ModelSpec, assembly: str = SPLICED) -> dict[str, str]:
    """The PNG text chunk of what an inpainter made: nobody should mistake it for a photograph later."""
    sha256 = spec.checkpoint.identity if spec.checkpoint else "none"
    what = "inpainted" if assembly == SPLICED else "wholly made"
    return {NOTE: f"{what} by {spec.label} (version {spec.entry.card.version}, weights sha256 {sha256})"}
