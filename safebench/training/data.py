"""Examples by number: which photo, which crop, which hole depends on the seed and the example's number alone.

So a training that goes on meets the examples that an undisturbed one would have met, whatever the number of workers.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from safebench.errors import DataError, ImageError, SafebenchError
from safebench.files import expanded
from safebench.inputs.exclusion import read_exclusion
from safebench.inputs.images import MIN_SIDE, to_square
from safebench.inputs.masks import MaskSet, open_masks, unused
from safebench.inputs.photos import Photo, PhotoSet, open_photos
from safebench.keys import digest
from safebench.models.contracts import Recipe
from safebench.models.training_photos import listing
from safebench.protocol import parse_bins
from safebench.runs.folder import is_own_list
from safebench.training.config import TrainConfig
from safebench.training.crops import random_crop, windowed

_MEMORY = 2 * 2**30
"""Bytes of decoded photos that are kept."""
_HELD_BACK = 20
"""One photo in so many validates, where no others are named."""


@dataclass
class Photos:
    """Photos by number, decoded once where memory allows; one that cannot be used is replaced by the next."""

    photos: Sequence[Photo]
    _kept: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)
    _bytes: int = 0
    _unusable: set[int] = field(default_factory=set, repr=False)

    def __len__(self) -> int:
        return len(self.photos)

    def load(self, number: int) -> NDArray[np.uint8]:
        """The pixels, uint8 H x W x 3; raises DataError where no photo can be read."""
        for k in range(number, number + len(self.photos)):
            index = k % len(self.photos)
            if index in self._kept:
                return self._kept[index]
            if index in self._unusable:
                continue
            try:
                pixels = _load(self.photos[index])
            except ImageError as error:
                self._unusable.add(index)
                _leave_out("training", str(error))
                continue
            if self._bytes + pixels.nbytes <= _MEMORY:
                self._kept[index] = pixels
                self._bytes += pixels.nbytes
            return pixels
        raise DataError("none of the photos to train on can be used")


@dataclass
class Examples(Dataset[dict[str, Tensor]]):
    """What is trained on."""

    photos: Photos
    masks: MaskSet
    names: Sequence[Sequence[str]]
    """Masks by bin."""
    recipe: Recipe
    resolution: int
    seed: int
    window: int = 0
    """Side of the part of each square that is trained on, 0 for all of it."""

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.seed, number])
        photo = self.photos.load(int(rng.integers(len(self.photos))))
        crop = random_crop(photo, self.resolution, rng)
        names = self.names[int(rng.integers(len(self.names)))]
        hole = self.masks.load(names[int(rng.integers(len(names)))], self.resolution)
        if self.window:
            crop, hole = windowed(crop, hole, self.window, rng)
        turned = np.rot90(hole, int(rng.integers(4)))
        return self.recipe.example(crop, np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned), rng)


@dataclass
class HeldOut(Dataset[dict[str, Tensor]]):
    """What is validated on: the protocol's squares, each with one hole, always the same."""

    photos: Sequence[Photo]
    masks: MaskSet
    names: Sequence[Sequence[str]]
    recipe: Recipe
    resolution: int
    seed: int

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        photo = self.photos[number]
        rng = np.random.default_rng([self.seed, number])
        names = self.names[number % len(self.names)]
        hole = self.masks.load(names[int(rng.integers(len(names)))], self.resolution)
        return self.recipe.example(to_square(photo.load(), self.resolution, photo.name), hole, rng)


Training_co = TypeVar("Training_co", bound=Dataset[dict[str, Tensor]], covariant=True)
Validation_co = TypeVar("Validation_co", bound=Dataset[dict[str, Tensor]], covariant=True)


@dataclass(frozen=True)
class Data(Generic[Training_co, Validation_co]):
    """What is trained and validated on, and what identifies both.

    training: examples by number, without end; held_out: so many, with a length.
    adapted: of a detector that goes on learning, what of (`safebench.models.adapted`), as a file's metadata hold it.
    """

    training: Training_co
    held_out: Validation_co
    fingerprints: Mapping[str, str]
    listing: str
    """Of the photos trained on (`safebench.models.training_photos`)."""
    summary: str
    licences: str
    sets: tuple[str, ...]
    adapted: str = ""


AnyData = Data[Dataset[dict[str, Tensor]], Dataset[dict[str, Tensor]]]


def open_data(config: TrainConfig, recipe: Recipe) -> Data[Examples, HeldOut]:
    """The photos and holes that a config names; raises DataError where there are none."""
    sets = [_open_photos(name) for name in config.images]
    titles = ", ".join(photo_set.name for photo_set in sets)
    # a name is unique in its set alone: photos are told apart by themselves, folder and name
    listed = dict.fromkeys(photo for photo_set in sets for photo in photo_set.photos())
    prints = _fingerprints(_without_excluded(list(listed), config), "training")
    if config.validation:
        others = _open_photos(config.validation)
        kept = _without_excluded(others.photos(), config)
        validation, held = others.name, _held_out(kept, config.validation_photos)
    else:
        validation = "kept back"
        held = _held_out(list(prints), min(config.validation_photos, max(1, len(prints) // _HELD_BACK)))
        for photo in held:
            del prints[photo]
        if not prints:
            raise DataError(f"--images {titles}: too few photos to keep some back; name others by --validation")
    photos = list(prints)
    if not photos:
        raise DataError(f"--images {titles}: none of the photos to train on can be used")
    masks, names = _masks(config.masks, config, config.seed)
    held_masks, held_names = _masks(config.validation_masks, config, config.seed + 1)
    training = Examples(Photos(photos), masks, names, recipe, config.resolution, config.seed, config.window)
    held_out = HeldOut(held, held_masks, held_names, recipe, config.resolution, config.seed)
    fingerprints = {
        "photos": digest(list(prints.values())),
        "validation": digest(list(_fingerprints(held, "validation").values())),
        "masks": digest(names),
        "validation_masks": digest(held_names),
    }
    photo_list = listing((photo.name, sha256) for photo, sha256 in prints.items())
    summary = (
        f"{len(photos):,} photos ({titles}) with holes of `{masks.name}` (bins: {config.bins}); "
        f"validation on {len(held)} photos ({validation}) with holes of `{held_masks.name}`"
    )
    return Data(
        training,
        held_out,
        fingerprints,
        photo_list,
        summary,
        "; ".join(f"{photo_set.name}: {photo_set.licence}" for photo_set in sets),
        tuple(photo_set.name for photo_set in sets),
    )


def batches(
    examples: Dataset[dict[str, Tensor]], config: TrainConfig, first: int, rank: int, processes: int
) -> Iterator[dict[str, Tensor]]:
    """The batches of one process from step `first` on: of each step's examples it takes its own part."""

    def numbers() -> Iterator[list[int]]:
        for step in range(first, config.steps):
            start = (step * processes + rank) * config.batch_size
            yield list(range(start, start + config.batch_size))

    loader = DataLoader(
        examples,
        batch_sampler=_Sampler(numbers()),
        num_workers=config.workers,
        worker_init_fn=_leave_signals,
        collate_fn=default_collate,
    )
    try:
        yield from loader
    except SafebenchError as error:
        if config.workers:  # a worker's error comes with its traceback; the last line is "class: sentence"
            raise type(error)(str(error).strip().splitlines()[-1].partition(": ")[2]) from None
        raise


def _leave_signals(worker: int) -> None:
    """Ctrl-C reaches a worker too; when it ends is for the main process to say."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Sampler:
    """A batch sampler for DataLoader out of an iterator."""

    def __init__(self, numbers: Iterator[list[int]]) -> None:
        self._numbers = numbers

    def __iter__(self) -> Iterator[list[int]]:
        return self._numbers


def _open_photos(name: str) -> PhotoSet:
    photo_set = open_photos(name)
    _tell(photo_set.name, photo_set.left_out)
    return photo_set


def _without_excluded(photos: list[Photo], config: TrainConfig) -> list[Photo]:
    """The photos that `--exclude` does not name; says how many it does, unless the list is the command's own."""
    if not config.exclude:
        return photos
    path = expanded(config.exclude)
    excluded = read_exclusion(path, [photo.name for photo in photos])
    kept = [photo for photo in photos if photo.name not in excluded.names]
    if not is_own_list(path, config.out):
        for sentence in excluded.remarks(len(photos) - len(kept), "photo"):
            sys.stderr.write(f"safebench: {sentence}\n")
    return kept


def _tell(name: str, sentences: Iterable[str]) -> None:
    for sentence in sentences:
        sys.stderr.write(f"safebench: {name}: {sentence}\n")


def _fingerprints(photos: Iterable[Photo], use: str) -> dict[Photo, str]:
    """Each photo's fingerprint; a photo whose file cannot be read is named and left out."""
    fingerprints = {}
    for photo in photos:
        try:
            fingerprints[photo] = photo.fingerprint()
        except (OSError, ImageError) as error:
            _leave_out(use, f"{photo.name}: it cannot be read ({error})" if isinstance(error, OSError) else str(error))
    return fingerprints


def _leave_out(use: str, why: str) -> None:
    sys.stderr.write(f"safebench: warning: left out of the {use}: {why}\n")


def _held_out(photos: Sequence[Photo], count: int) -> list[Photo]:
    """So many photos that can be used, drawn by their names, in the order of the draw; raises DataError for none."""
    held = []
    for photo in sorted(photos, key=lambda photo: digest("validate", photo.name)):
        try:
            _load(photo)
        except ImageError as error:
            _leave_out("validation", str(error))
            continue
        held.append(photo)
        if len(held) == count:
            break
    if not held:
        raise DataError("none of the photos to validate on can be used")
    return held


def _load(photo: Photo) -> NDArray[np.uint8]:
    """The pixels; raises ImageError where they cannot be read or are too few to train on."""
    pixels = photo.load()
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"{photo.name}: it has {width}x{height} pixels; each side needs at least {MIN_SIDE}")
    return pixels


def _masks(name: str, config: TrainConfig, seed: int) -> tuple[MaskSet, list[Sequence[str]]]:
    masks = open_masks(name, seed, config.mask_threshold)
    _tell(masks.name, masks.left_out)
    index = masks.index(config.resolution)
    names = [index[hole_bin] for hole_bin in parse_bins(config.bins) if index.get(hole_bin)]
    if not names:
        what = f"no mask has a hole of {config.bins}% at {config.resolution} pixels"
        raise DataError(f"--masks {name}: {what}{unused(masks)}")
    _tell(masks.name, masks.problems)
    return masks, names
