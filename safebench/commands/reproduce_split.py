"""One set of photos for a paper's table and for the networks that are trained for it: no photo is on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safebench.commands.adapt_split import MOST_HELD_OUT, Split
from safebench.errors import DataError
from safebench.files import atomic_write
from safebench.inputs.exclusion import can_be_listed
from safebench.inputs.photos import open_photos
from safebench.inputs.photos.copies import different
from safebench.keys import digest
from safebench.runs.folder import NOT_HELD_OUT, NOT_LEARNED_FROM
from safebench.work.watching import Watcher


@dataclass(frozen=True)
class Sides:
    """The lists that leave out of a training, and of a run, what belongs to the other side."""

    not_learned_from: Path
    not_held_out: Path


def sides_in(folder: Path) -> Sides:
    """Where the lists lie that are written into a folder."""
    return Sides(folder / NOT_LEARNED_FROM, folder / NOT_HELD_OUT)


def split_in_two(images: str, limit: int | None, seed: int, sides: Sides, watcher: Watcher) -> None:
    """Split the photos of a data set or directory by what they show, and write both lists.

    A third is held out for the table, `limit` (else 100) at most; the networks learn from the others.  The same photos
    and seed give the same split.  Raises DataError where there are too few, or where they are crops of few.
    """
    photo_set = open_photos(images)
    advice = "name others to train on by --train-images"
    if photo_set.independent is not None:
        raise DataError(
            f"--images {images}: its pictures are crops of {photo_set.independent} photos, which would be trained on "
            f"and measured; {advice}"
        )
    photos = photo_set.photos()
    if strange := next((photo.name for photo in photos if not can_be_listed(photo.name)), None):
        raise DataError(f"{strange!r}: cannot stand in a list of photos by its name; rename it, or {advice}")
    watcher.begin("Telling photos apart", len(photos))
    names = different(photos, watcher.advance, watcher.note)
    order = sorted(names, key=lambda content: digest("reproduce", seed, content))
    count = min(limit or MOST_HELD_OUT, len(order) // 3)
    if not count:
        raise DataError(
            f"--images {images}: {len(order)} different photos are too few to train and to measure; {advice}"
        )
    held_out, learning = (tuple(names[content] for content in side) for side in (order[:count], order[count:]))
    others = sorted({photo.name for photo in photos} - {*held_out, *learning})
    split = Split(held_out, learning, tuple(others), {name: content for content, name in names.items()})
    atomic_write(sides.not_learned_from, split.left_out(learning))
    atomic_write(sides.not_held_out, split.left_out(held_out))
    split.write(sides.not_held_out.parent)
