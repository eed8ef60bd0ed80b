"""The plan: inputs, seed and bins become a fixed list of samples before any model loads (protocol, section 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import pandas as pd

from safebench.errors import DataError, SafebenchError
from safebench.files import expanded
from safebench.inputs.exclusion import read_exclusion
from safebench.inputs.masks import MaskSet, open_masks, unused
from safebench.inputs.photos import Photo, PhotoSet, open_photos
from safebench.inputs.pictures import PictureSet
from safebench.keys import digest, slug
from safebench.protocol import PROTOCOL, SIZE, Bin, parse_bins
from safebench.runs import schema
from safebench.runs.config import RunConfig
from safebench.runs.folder import is_own_list

_GALLERY_PHOTOS = 6


class HasName(Protocol):
    """What is drawn by its name."""

    @property
    def name(self) -> str:
        """Unique among what it is drawn from."""


Named = TypeVar("Named", bound=HasName)


@dataclass(frozen=True)
class Sample:
    """One photo with one mask; the fields are the columns of samples.parquet (safebench.runs.schema.SAMPLES)."""

    sample: str
    photo: str
    photo_name: str
    photo_sha256: str
    dataset: str
    mask_name: str
    mask_sha256: str
    bin: str
    gallery: bool
    photo_key: str
    key: str
    original: str
    mask: str


@dataclass(frozen=True)
class Received:
    """A forged picture that is given: of which sample, by whom, where it lies, and the sha256 of its bytes."""

    sample: Sample
    maker: str
    path: Path
    content: str


@dataclass(frozen=True)
class Plan:
    """All samples, photo by photo in the order of the names; and where their pixels come from.

    received: the forged pictures that are given, of `picture_set`, where no inpainter makes any.  A sample is then a
    photo with a true mask, and one without a bin is an authentic picture that nobody forged.
    unlike_originals: how many of these pictures have an original of another size.
    """

    samples: list[Sample]
    photos: Mapping[str, Photo]
    photo_set: PhotoSet
    mask_set: MaskSet
    received: Sequence[Received] = ()
    picture_set: PictureSet | None = None
    unlike_originals: int = 0
    remarks: Sequence[str] = ()
    """What a list left out, as people are told it."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """What tells whether two runs looked at the same photos, through the same holes, and at the same pictures."""
        photos = sorted({(sample.photo_name, sample.photo_sha256) for sample in self.samples})
        masks = [(sample.sample, sample.mask_sha256) for sample in self.samples]
        pictures = sorted((received.maker, received.sample.sample, received.content) for received in self.received)
        return {"photos": digest(photos), "masks": digest(masks), "pictures": digest(pictures)}

    @property
    def makers(self) -> list[str]:
        """Who made the pictures that are given, in the order of the names."""
        return sorted({received.maker for received in self.received})

    def frame(self) -> pd.DataFrame:
        """The plan as samples.parquet holds it."""
        return pd.DataFrame([vars(sample) for sample in self.samples], columns=list(schema.SAMPLES))

    def first_of_each_photo(self) -> list[Sample]:
        """One sample for each photo, for what is done once a photo."""
        return list({sample.photo: sample for sample in reversed(self.samples)}.values())[::-1]


def make_plan(config: RunConfig) -> Plan:
    """The plan of a run: the same for the same file names, contents, seed, bins and size, on every machine.

    A photo's masks depend on the seed and its own name alone, so that photos added later leave them as they are.
    Raises DataError where there are no photos, or no mask in a bin asked for.
    """
    photo_set = open_photos(config.images)
    mask_set = open_masks(config.masks, config.seed, config.mask_threshold)
    listed, remarks = without_excluded(photo_set.photos(), config)
    photos = limited(listed, config)
    if not photos:
        raise DataError(f"--images {config.images}: no photo is left")
    bins = parse_bins(config.bins)
    side = config.size if isinstance(config.size, int) else SIZE
    candidates = mask_set.index(side)
    for hole_bin in bins:
        if not candidates.get(hole_bin):
            raise DataError(
                f"--masks {config.masks}: no mask has a hole of {hole_bin.name}% at {side} pixels{unused(mask_set)}"
            )
    gallery = gallery_of([photo.name for photo in photos])
    drawn = [(photo, b, _draw(candidates[b], config.seed, b, photo.name)) for photo in photos for b in bins]
    masks = sorted({mask for _, _, mask in drawn})
    with ThreadPoolExecutor() as pool:
        checksums = [*pool.map(fingerprint_of, [photo.fingerprint for photo in photos])]
        mask_checksums = [*pool.map(fingerprint_of, [partial(mask_set.fingerprint, mask) for mask in masks])]
    mask_sums = dict(zip(masks, mask_checksums, strict=True))
    sums = {photo.name: checksum for photo, checksum in zip(photos, checksums, strict=True)}
    samples = [
        _sample(
            photo_set.name, photo.name, sums[photo.name], b, mask, mask_sums[mask], photo.name in gallery, config.size
        )
        for photo, b, mask in drawn
    ]
    return Plan(samples, {photo_id(photo.name): photo for photo in photos}, photo_set, mask_set, remarks=remarks)


def gallery_of(names: Sequence[str]) -> set[str]:
    """Few of the photos, evenly spread, whose maps are kept for the report."""
    return {names[k] for k in range(0, len(names), max(1, -(-len(names) // _GALLERY_PHOTOS)))}


def without_excluded(photos: Sequence[Named], config: RunConfig) -> tuple[list[Named], list[str]]:
    """The photos that `--exclude` does not name, and what is worth saying of the others."""
    if config.exclude is None:
        return list(photos), []
    path = expanded(config.exclude)
    excluded = read_exclusion(path, [photo.name for photo in photos])
    kept = [photo for photo in photos if photo.name not in excluded.names]
    return kept, [] if is_own_list(path, config.out) else excluded.remarks(len(photos) - len(kept), "photo")


def limited(photos: Sequence[Named], config: RunConfig) -> list[Named]:
    """`--limit` photos, drawn with the seed; a larger limit keeps those that a smaller one drew."""
    if config.limit is None or config.limit >= len(photos):
        return list(photos)
    drawn = sorted(photos, key=lambda photo: digest("limit", config.seed, photo.name))[: config.limit]
    return sorted(drawn, key=lambda photo: photo.name)


def _draw(names: Sequence[str], seed: int, hole_bin: Bin, photo: str) -> str:
    return names[int(digest("pair", seed, hole_bin.name, photo), 16) % len(names)]


def fingerprint_of(of: Callable[[], str]) -> str:
    """A fingerprint, or `unreadable`."""
    try:
        return of()
    except (OSError, SafebenchError):  # told again, in full, when the file is read
        return "unreadable"


def photo_id(name: str) -> str:
    """A file name's worth that tells a photo by its name in the set."""
    stem = name.rsplit(".", 1)[0] if "." in name.rsplit("/", 1)[-1] else name
    return f"{slug(stem)}-{digest(name)[:8]}"


def _sample(
    dataset: str, name: str, photo_sum: str, hole_bin: Bin, mask: str, mask_sum: str, gallery: bool, size: int | str
) -> Sample:
    photo = photo_id(name)
    sample = f"{photo}.{hole_bin.name}"
    photo_key = digest("photo", PROTOCOL, size, photo, photo_sum)
    mask_key = digest("mask", PROTOCOL, size, mask_sum)
    return Sample(
        sample=sample,
        photo=photo,
        photo_name=name,
        photo_sha256=photo_sum,
        dataset=dataset,
        mask_name=mask,
        mask_sha256=mask_sum,
        bin=hole_bin.name,
        gallery=gallery,
        photo_key=photo_key,
        key=digest("sample", photo_key, mask_key, hole_bin.name),
        original=f"originals/{photo}-{photo_key[:12]}.png",
        mask=f"masks/{sample}-{mask_key[:12]}.png",
    )
