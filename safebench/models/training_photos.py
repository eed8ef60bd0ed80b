"""Which photos and data sets a model's weights were made from, where that is on record, and whether it meets them.

A listing has a line for each photo: the sha256 of its content and that of its name without folder and ending, 16
digits each.  So it tells whether a photo is among them, and nothing of one that is not at hand.  It lies beside the
card of weights that ship, or in the metadata of what `safebench train` made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from safebench.errors import WeightsError
from safebench.models.specs import ModelSpec
from safebench.models.weights import card_weights

KEY = "photos"
"""The listing's name in a checkpoint's metadata."""
SETS = "sets"
"""The names of the data sets, in a checkpoint's metadata: words apart by blanks."""
MOST = 100_000
"""Photos in a listing; a training on more keeps none, since it would be as large as a network."""
_DIGITS = 16

NamedPhoto = tuple[str, str]
"""A photo's name and the sha256 of its content."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a run's photos the weights were made from: by content, and of the others by name."""

    content: int
    name: int
    photos: int

    def sentence(self, model: str) -> str:
        """As people are told it; empty where none was seen."""
        parts = []
        if self.content:
            parts.append(f"{self.content} of the {self.photos} photos")
        if self.name:
            parts.append(
                f"photos of the same names as {self.name}{' more' if self.content else ''} of the {self.photos}"
            )
        return f"{model} learned from {' and '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class TrainingPhotos:
    """The photos of a listing."""

    contents: frozenset[str]
    names: frozenset[str]

    def among(self, photos: Iterable[NamedPhoto]) -> Seen:
        """How many of `photos` are in the listing."""
        content = name = count = 0
        for called, sha256 in photos:
            count += 1
            if sha256[:_DIGITS] in self.contents:
                content += 1
            elif _name(called) in self.names:
                name += 1
        return Seen(content=content, name=name, photos=count)


def listing(photos: Iterable[NamedPhoto]) -> str:
    """The listing of photos; empty where there are too many."""
    lines = sorted(f"{sha256[:_DIGITS]} {_name(name)}\n" for name, sha256 in photos)
    return "" if len(lines) > MOST else "".join(lines)


def training_photos(spec: ModelSpec) -> TrainingPhotos | None:
    """The photos that a model's weights were made from; None where that is not on record."""
    text = stored_listing(spec)
    return parse(text) if text else None


def stored_listing(spec: ModelSpec) -> str:
    """The listing of the photos that a model's weights were made from; empty where it is not on record."""
    if spec.checkpoint is None:
        return ""
    if spec.checkpoint.origin == "shipped":
        weights = card_weights(spec.entry, spec.variant)
        beside = weights.shipped_photos if weights else ""
        return (spec.entry.folder / beside).read_text(encoding="ascii") if beside else ""
    return metadata_of(spec.checkpoint.path).get(KEY, "")


def training_sets(spec: ModelSpec) -> tuple[str, ...]:
    """The names of the data sets that a model's weights learned from, as far as its card or the weights' metadata say.

    What ships has a listing of its photos instead.
    """
    checkpoint = spec.checkpoint
    if checkpoint is None or checkpoint.origin == "shipped":
        return ()
    if checkpoint.origin == "published":
        weights = card_weights(spec.entry, spec.variant)
        return weights.trained_sets if weights else ()
    return tuple(metadata_of(checkpoint.path).get(SETS, "").split())


def metadata_of(path: Path) -> dict[str, str]:
    """What a checkpoint says of itself; nothing of one that cannot be read, which is said in full when it is loaded."""
    from safebench.weights.read.checkpoints import load_metadata  # imports torch; mistakes are told before that

    try:
        return load_metadata(path) if path.is_file() else {}
    except WeightsError:
        return {}


def parse(text: str) -> TrainingPhotos:
    """The photos of a listing's text; a line of another form counts for nothing."""
    pairs = [line.split() for line in text.splitlines()]
    return TrainingPhotos(
        frozenset(pair[0] for pair in pairs if len(pair) == 2), frozenset(pair[1] for pair in pairs if len(pair) == 2)
    )


def _name(name: str) -> str:
    return hashlib.sha256(PurePosixPath(name).stem.casefold().encode()).hexdigest()[:_DIGITS]
