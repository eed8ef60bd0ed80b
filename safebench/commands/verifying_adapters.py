"""`safebench verify-adapter`: a model here beside its authors' own code, on the same pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ConfigError, DataError, UnknownNameError
from safebench.inputs.images import save_png, to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.keys import digest
from safebench.models import calling, registry
from safebench.models.labels import split_label
from safebench.models.specs import ModelSpec, named_file, participant
from safebench.protocol import SIZE, parse_bins

KINDS = ("inpainters", "detectors")


@dataclass(frozen=True)
class Difference:
    """How far two answers to one picture lie apart, of values in [0, 1].

    picture: the photo's name.  what: `output`, `hole`, `map`, `score` or `confidence`.  place: column and row of the
    largest difference; None of a score.
    """

    picture: str
    what: str
    largest: float
    mean: float
    place: tuple[int, int] | None


@dataclass(frozen=True)
class Comparison:
    """A model beside its original: what each of them is, and the differences, the largest of each kind first."""

    ours: str
    theirs: str
    differences: tuple[Difference, ...]


def verify_adapter(
    name: str,
    against: str,
    *,
    kind: str | None = None,
    images: str = "sample",
    limit: int = 4,
    size: int = SIZE,
    seed: int = 0,
    device: str = "auto",
    weights: Mapping[str, str] | None = None,
) -> Comparison:
    """Call the model `name` and the original `against` (`command:FILE.toml`) on the same photos and holes.

    kind: `inpainters` or `detectors`, where `name` is both.  weights: by name, as for a run.
    Inpainters are shown holes of 20 to 30%; detectors the photos with such a hole filled with the mean of the rest.
    Raises UnknownNameError, ConfigError where the kind cannot be told, and what either model raises.
    """
    kind = kind or _kind_of(name)
    ours, theirs = (participant(kind, each, named_file(kind, each, weights or {}), seed) for each in (name, against))
    names, photos, holes = _pictures(images, limit, size, seed)
    compare = _inpainters if kind == "inpainters" else _detectors
    differences = compare(ours, theirs, device, names, photos, holes)
    order = {what: k for k, what in enumerate(dict.fromkeys(each.what for each in differences))}
    ranked = sorted(differences, key=lambda each: (order[each.what], -each.largest))
    return Comparison(ours.label, theirs.label, tuple(ranked))


def _kind_of(name: str) -> str:
    """What a name names; raises ConfigError where it names both kinds, UnknownNameError where neither."""
    kinds, unknown = [], []
    for kind in KINDS:
        try:
            registry.find(kind, split_label(name)[1])
            kinds.append(kind)
        except UnknownNameError as error:
            unknown.append(error)
    if not kinds:
        raise unknown[0]
    if len(kinds) > 1:
        raise ConfigError(f"{name}: is an inpainter and a detector; say which by --kind inpainters or detectors")
    return kinds[0]


def _pictures(images: str, limit: int, size: int, seed: int) -> tuple[list[str], calling.Photos, calling.Holes]:
    chosen = sorted(open_photos(images).photos(), key=lambda photo: digest("verify", seed, photo.name))[:limit]
    if not chosen:
        raise DataError(f"--images {images}: no photos were found there")
    masks = open_masks("irregular", seed, None)
    [hole_bin] = parse_bins("20-30")
    drawn = masks.index(size)[hole_bin][: len(chosen)]
    photos = np.stack([to_square(photo.load(), size, photo.name) for photo in chosen])
    holes = np.stack([masks.load(drawn[k % len(drawn)], size) for k in range(len(chosen))])
    return [photo.name for photo in chosen], photos, holes


def _inpainters(
    ours: ModelSpec, theirs: ModelSpec, device: str, names: Sequence[str], photos: calling.Photos, holes: calling.Holes
) -> list[Difference]:
    outputs = [calling.inpaint(spec.load_inpainter(device), photos, holes) for spec in (ours, theirs)]
    apart = np.abs(outputs[0].astype(np.float64) - outputs[1]).max(axis=3)
    whole = [_map_difference(name, "output", apart[k]) for k, name in enumerate(names)]
    return whole + [_map_difference(name, "hole", apart[k], holes[k]) for k, name in enumerate(names)]


def _detectors(
    ours: ModelSpec, theirs: ModelSpec, device: str, names: Sequence[str], photos: calling.Photos, holes: calling.Holes
) -> list[Difference]:
    shown = photos.copy()
    for photo, hole in zip(shown, holes, strict=True):
        photo[hole] = photo[~hole].mean(axis=0).astype(np.uint8)
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place, f"{k}.png") for k in range(len(shown))]
        for path, photo in zip(paths, shown, strict=True):
            save_png(path, photo)
        first, second = (calling.detect(spec.load_detector(device), shown, paths) for spec in (ours, theirs))
    differences = _of_maps(names, "map", first.maps, second.maps)
    scores = np.abs(first.scores - second.scores)
    differences += [Difference(name, "score", float(s), float(s), None) for name, s in zip(names, scores, strict=True)]
    if first.confidence is not None and second.confidence is not None:
        differences += _of_maps(names, "confidence", first.confidence, second.confidence)
    return differences


def _of_maps(
    names: Sequence[str], what: str, first: NDArray[np.float32], second: NDArray[np.float32]
) -> list[Difference]:
    apart = np.abs(first.astype(np.float64) - second)
    return [_map_difference(name, what, apart[k]) for k, name in enumerate(names)]


def _map_difference(
    name: str, what: str, apart: NDArray[np.float64], where: NDArray[np.bool_] | None = None
) -> Difference:
    counted = apart if where is None else np.where(where, apart, 0)
    row, column = np.unravel_index(int(counted.argmax()), counted.shape)
    mean = float(apart.mean() if where is None else apart[where].mean())
    return Difference(name, what, float(counted[row, column]), mean, (int(column), int(row)))
