"""Examples of pictures that are made already: what detectors go on learning from (`safebench adapt`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from safebench.inputs.images import read_mask, read_photo
from safebench.models.contracts import Recipe

UNTOUCHED = 0.2
"""The share of examples that are the photos themselves, so that a detector does not learn to flag everything."""
_CHOOSES_EVERY, _CHOOSES_FROM, _MOST_CHOOSING = 10, 1, 12
"""Of ten photos one chooses the step: the second, the twelfth, ... up to so many."""


@dataclass(frozen=True)
class MadePicture:
    """A picture, the hole that was filled in it, and the photo that it was made of; all PNG of one size.

    photo: the photo's name, photo_sha256: of its own file; content: the sha256 of the picture's file.
    """

    photo: str
    photo_sha256: str
    picture: Path
    hole: Path
    original: Path
    content: str


def choosing_and_learned(pictures: Sequence[MadePicture]) -> tuple[list[MadePicture], list[MadePicture]]:
    """The pictures that choose the step at which a training is best, and those that it learns from.

    No photo has pictures among both.  Those of the first few pictures are among those of more, on the same side.
    """
    ranks = {name: rank for rank, name in enumerate(dict.fromkeys(picture.photo for picture in pictures))}
    chooses = {
        name: rank % _CHOOSES_EVERY == _CHOOSES_FROM and rank < _CHOOSES_EVERY * _MOST_CHOOSING
        for name, rank in ranks.items()
    }
    return [p for p in pictures if chooses[p.photo]], [p for p in pictures if not chooses[p.photo]]


class LearnedPictures(Dataset[dict[str, Tensor]]):
    """Examples by number, without end: each picture once before any comes again, mirrored half the time, and in its
    place its untouched photo in one of five."""

    def __init__(self, pictures: Sequence[MadePicture], recipe: Recipe, seed: int) -> None:
        self._pictures = pictures
        self._recipe = recipe
        self._seed = seed

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        turn, place = divmod(number, len(self._pictures))
        order = np.random.default_rng([self._seed, turn, 0]).permutation(len(self._pictures))
        rng = np.random.default_rng([self._seed, number, 1])
        untouched, mirrored = rng.random() < UNTOUCHED, rng.random() < 0.5
        image, filled = _loaded(self._pictures[order[place]], untouched=bool(untouched))
        turned = np.s_[:, ::-1] if mirrored else np.s_[:, :]
        return self._recipe.picture_example(image[turned], filled[turned])


class ChoosingPictures(Dataset[dict[str, Tensor]]):
    """The pictures that choose the step, and after them their photos, untouched."""

    def __init__(self, pictures: Sequence[MadePicture], recipe: Recipe) -> None:
        photos = {picture.photo: picture for picture in pictures}.values()
        self._items = [(picture, False) for picture in pictures] + [(picture, True) for picture in photos]
        self._recipe = recipe

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        picture, untouched = self._items[number]
        return self._recipe.picture_example(*_loaded(picture, untouched=untouched))


def _loaded(picture: MadePicture, *, untouched: bool) -> tuple[np.ndarray, np.ndarray]:
    image, hole = read_photo(picture.original if untouched else picture.picture), read_mask(picture.hole)
    return image, np.zeros_like(hole) if untouched else hole
