"""The plan: inputs, seed and bins become a fixed list of samples before any model loads (protocol, section 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pandas as pd

from safebench.errors import DataError, SafebenchError
from safebench.inputs.masks import MaskSet, open_masks, unused
from safebench.inputs.photos import Photo, PhotoSet, open_photos
from safebench.keys import digest, slug
from safebench.protocol import PROTOCOL, Bin, parse_bins
from safebench.runs import schema
from safebench.runs.config import RunConfig

_GALLERY_PHOTOS = 6


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
class Plan:
    """All samples, photo by photo in the order of the names; and where their pixels come from."""

    samples: list[Sample]
    photos: Mapping[str, Photo]
    photo_set: PhotoSet
    mask_set: MaskSet

    @property
    def fingerprints(self) -> dict[str, str]:
        """What tells whether two runs looked at the same photos, and through the same holes."""
        photos = sorted({(sample.photo_name, sample.photo_sha256) for sample in self.samples})
        masks = [(sample.sample, sample.mask_sha256) for sample in self.samples]
        return {"photos": digest(photos), "masks": digest(masks)}

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
    photos = _limited(photo_set.photos(), config)
    if not photos:
        raise DataError(f"--images {config.images}: no photos were found there")
    bins = parse_bins(config.bins)
    candidates = mask_set.index(config.size)
    for hole_bin in bins:
        if not candidates.get(hole_bin):
            raise DataError(
                f"--masks {config.masks}: no mask has a hole of {hole_bin.name}% at {config.size} pixels"
                f"{unused(mask_set)}"
            )
    gallery = {photos[k].name for k in range(0, len(photos), max(1, -(-len(photos) // _GALLERY_PHOTOS)))}
    drawn = [(photo, b, _draw(candidates[b], config.seed, b, photo.name)) for photo in photos for b in bins]
    masks = sorted({mask for _, _, mask in drawn})
    with ThreadPoolExecutor() as pool:
        checksums = [*pool.map(_fingerprint, [photo.fingerprint for photo in photos])]
        mask_checksums = [*pool.map(_fingerprint, [partial(mask_set.fingerprint, mask) for mask in masks])]
    mask_sums = dict(zip(masks, mask_checksums, strict=True))
    sums = {photo.name: checksum for photo, checksum in zip(photos, checksums, strict=True)}
    samples = [
        _sample(
            photo_set.name, photo.name, sums[photo.name], b, mask, mask_sums[mask], photo.name in gallery, config.size
        )
        for photo, b, mask in drawn
    ]
    return Plan(samples, {_photo_id(photo.name): photo for photo in photos}, photo_set, mask_set)


def _limited(photos: list[Photo], config: RunConfig) -> list[Photo]:
    """`--limit` photos, drawn with the seed; a larger limit keeps those that a smaller one drew."""
    if config.limit is None or config.limit >= len(photos):
        return photos
    drawn = sorted(photos, key=lambda photo: digest("limit", config.seed, photo.name))[: config.limit]
    return sorted(drawn, key=lambda photo: photo.name)


def _draw(names: Sequence[str], seed: int, hole_bin: Bin, photo: str) -> str:
    return names[int(digest("pair", seed, hole_bin.name, photo), 16) % len(names)]


def _fingerprint(of: Callable[[], str]) -> str:
    try:
        return of()
    except (OSError, SafebenchError):  # told again, in full, when the file is read
        return "unreadable"


def _photo_id(name: str) -> str:
    stem = name.rsplit(".", 1)[0] if "." in name.rsplit("/", 1)[-1] else name
    return f"{slug(stem)}-{digest(name)[:8]}"


def _sample(
    dataset: str, name: str, photo_sum: str, hole_bin: Bin, mask: str, mask_sum: str, gallery: bool, size: int
) -> Sample:
    photo = _photo_id(name)
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
