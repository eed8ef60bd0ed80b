"""The worker of the second stage: fills holes, and measures how good the composites look."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images import encode_png, read_mask, read_photo
from safebench.inputs.own import NOTE
from safebench.metrics.catalogue import chosen, features, measure, networks, stored
from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.feature import Feature, encoded
from safebench.metrics.lpips import NETWORK as LPIPS_NETWORK
from safebench.models import calling
from safebench.models.contracts import Inpainter
from safebench.models.devices import pick_device
from safebench.models.specs import ModelSpec
from safebench.work.tasks import Adaptive, Answer, Failure, FileRef, Item, Portable, Result, attempt, loaded_once

if TYPE_CHECKING:
    from safebench.metrics.perceptual import Perceptual


@dataclass(frozen=True)
class _Evidence:
    """A photo, its hole, and its composite (uint8 H x W x 3), once there is one, with the file's bytes.

    features: the names of what was left behind before.
    """

    photo: NDArray[np.uint8]
    hole: NDArray[np.bool_]
    composite: NDArray[np.uint8] | None
    file: bytes | None
    features: frozenset[str] = frozenset()


@dataclass
class InpaintWorker(Portable):
    """One inpainter at work.

    lpips_net: the backbone that LPIPS comes from, or "" for none.  metrics: those asked for beside the default set.
    """

    spec: ModelSpec
    device: str
    lpips_net: str
    metrics: tuple[str, ...] = ()
    _adaptive: Adaptive = field(default_factory=lambda: Adaptive("inpaint"), repr=False)

    @loaded_once
    def model(self) -> Inpainter:
        """Loaded when the first hole has to be filled."""
        return self.spec.load_inpainter(self.device)

    @loaded_once
    def perceptual(self) -> Perceptual | None:
        """LPIPS, loaded when the first composite is measured."""
        if not self.lpips_net:
            return None
        from safebench.metrics.perceptual import load_perceptual  # slow to import, and not needed to resume

        return load_perceptual(self.lpips_net, pick_device(self.device))

    @loaded_once
    def networks(self) -> dict[str, Any]:
        """What metrics beside the default set need, loaded when the first composite is measured."""
        device = pick_device(self.device)
        return {name: network.load(device) for name, network in networks(chosen(self.metrics)).items()}

    def load(self, items: Sequence[Item]) -> list[_Evidence | Failure]:
        """Decode photos, holes and the composites that are there."""
        return [attempt("inpaint", _evidence, item) for item in items]

    def compute(self, loaded: list[_Evidence | Failure]) -> list[_Evidence | Failure]:
        """Fill the batch, unless every composite is there: a batch of which one is missing is computed whole."""
        usable = [one for one in loaded if isinstance(one, _Evidence)]
        if all(one.composite is not None for one in usable):
            return loaded
        filled = iter(self._adaptive(usable, self._fill))
        return [next(filled) if isinstance(one, _Evidence) else one for one in loaded]

    def finish(self, computed: list[_Evidence | Failure]) -> list[Result]:
        """Encode new composites and measure all."""
        return [one if isinstance(one, Failure) else attempt("quality", self._measure, one) for one in computed]

    def _fill(self, batch: Sequence[_Evidence]) -> list[_Evidence]:
        photos, holes = np.stack([one.photo for one in batch]), np.stack([one.hole for one in batch])
        raw = calling.inpaint(self.model, photos, holes, self.spec.precision)
        made = calling.composite(photos, holes, raw)
        return [
            one if one.composite is not None else _Evidence(one.photo, one.hole, new, None, one.features)
            for one, new in zip(batch, made, strict=True)
        ]

    def _measure(self, one: _Evidence) -> Answer:
        if one.composite is None:
            raise AssertionError("compute fills every composite")
        file = one.file if one.file is not None else encode_png(one.composite, provenance(self.spec))
        held = {**self.networks, **({LPIPS_NETWORK: self.perceptual} if self.perceptual else {})}
        evidence = CompositeEvidence(one.composite, one.photo, one.hole, held)
        values: dict[str, Any] = {
            "hole_ratio": int(np.count_nonzero(one.hole)) / one.hole.size,
            **measure(stored(chosen(self.metrics), quality=True).values(), evidence),
            "composite_sha256": hashlib.sha256(file).hexdigest(),
        }
        files = {} if one.file is not None else {"composite": FileRef(Path("composite.png"), file)}
        return Answer(values, {**files, **self._features(one)})

    def _features(self, one: _Evidence) -> dict[str, FileRef]:
        """What composite and photo leave behind, as far as it is not there yet."""
        wanted = features(chosen(self.metrics), "composite")
        pictures = {"composite": one.composite, "original": one.photo}
        return {
            f"{kind} {name}": FileRef(Path(f"{name}.npz"), encoded(feature.extract(picture, self._network(feature))))
            for name, feature in wanted.items()
            for kind, picture in pictures.items()
            if f"{kind} {name}" not in one.features
        }

    def _network(self, feature: Feature) -> Any:
        return self.networks[feature.network.name] if feature.network else None


def _evidence(item: Item) -> _Evidence:
    original, mask, composite = (item.files.get(role) for role in ("original", "mask", "composite"))
    if original is None or mask is None:
        raise AssertionError("every item has a photo and a hole")
    file = composite.read() if composite else None
    return _Evidence(
        read_photo(original.path, original.read()),
        read_mask(mask.path, mask.read()),
        read_photo(composite.path, file) if composite else None,
        file,
        frozenset(item.files),
    )


def provenance(spec: ModelSpec) -> dict[str, str]:
    """The PNG text chunk of a composite: nobody should mistake it for a photograph later."""
    sha256 = spec.checkpoint.sha256 if spec.checkpoint else "none"
    return {NOTE: f"inpainted by {spec.label} (version {spec.entry.card.version}, weights sha256 {sha256})"}
