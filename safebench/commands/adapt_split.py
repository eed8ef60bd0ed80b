"""Which photos a detector learns from and which it is judged on: told apart by content, once and for all."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safebench.errors import DataError
from safebench.files import atomic_write
from safebench.inputs.exclusion import can_be_listed
from safebench.inputs.photos import open_photos
from safebench.inputs.photos.copies import different
from safebench.keys import digest
from safebench.protocol import parse_bins
from safebench.route.plan import limited, without_excluded
from safebench.runs.config import RunConfig
from safebench.work.watching import Watcher

MOST_HELD_OUT = 100
_LISTED = "split.csv"


@dataclass(frozen=True)
class Split:
    """The names of the photos of both sides, in the order of the draw, and of those that are on neither.

    held_out: what every detector is judged on.  learning: what they may learn from.  others: photos that are the same
    as another, that cannot be read, that were excluded, or that are not needed.
    contents: of the photos of both sides, the sha256 of their pixels.
    """

    held_out: tuple[str, ...]
    learning: tuple[str, ...]
    others: tuple[str, ...]
    contents: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """What tells whether photos of another run of the same command were split alike."""
        return digest(*(self.contents[name] for name in self.held_out))

    def left_out(self, kept: Sequence[str]) -> bytes:
        """The list that leaves all but `kept` out of a run (`--exclude`)."""
        names = {*self.held_out, *self.learning, *self.others} - set(kept)
        return "".join(f"{name}\n" for name in sorted(names)).encode("utf-8")

    def write(self, folder: Path) -> None:
        """Write split.csv: each photo, its side, and the sha256 of its pixels."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("photo", "side", "pixels"))
        for side, names in (("held out", self.held_out), ("learning", self.learning), ("neither", self.others)):
            writer.writerows((name, side, self.contents.get(name, "")) for name in names)
        atomic_write(folder / _LISTED, text.getvalue().encode("utf-8"))


def photos_needed(config: RunConfig) -> int:
    """How many photos give the largest number of pictures that is asked for: each is filled once a bin."""
    return -(-max(config.adapt) // len(parse_bins(config.bins)))


def check_enough(count: int, config: RunConfig) -> None:
    """Raise DataError where `count` photos are too few for both sides."""
    needed, holes = photos_needed(config), len(parse_bins(config.bins))
    held_out = _held_out(count, config)
    if held_out < 1 or count - held_out < needed:
        most = max(0, (count - held_out) * holes)
        raise DataError(
            f"--images {config.images}: {count} different photos are too few: {held_out} are held out, the others give "
            f"{most} pictures ({holes} hole{'s' if holes > 1 else ''} each), and {max(config.adapt)} are asked for; "
            "name more photos, a smaller --budget, or a smaller --held-out"
        )


def split_photos(config: RunConfig, watcher: Watcher) -> Split:
    """The split of the photos that a config names: the same for the same pixels and seed, whatever the files' names.

    Photos that show the same count once (`safebench.inputs.photos.copies`).  Held-out photos are drawn first, and a
    larger budget only adds photos at the end of the learning side.  Raises DataError where there are too few.
    """
    photo_set = open_photos(config.images)
    if photo_set.independent is not None:
        raise DataError(
            f"--images {config.images}: its pictures are crops of {photo_set.independent} photos, which would stand on "
            "both sides; name a directory of photos"
        )
    listed = photo_set.photos()
    kept, remarks = without_excluded(listed, config)
    photos = limited(kept, config)
    check_enough(len(photos), config)
    if strange := next((photo.name for photo in listed if not can_be_listed(photo.name)), None):
        raise DataError(f"{strange!r}: cannot stand in a list of photos by its name; rename it")
    for sentence in (*photo_set.left_out, *remarks):
        watcher.note(sentence)
    watcher.begin("Telling photos apart", len(photos))
    names = different(photos, watcher.advance, watcher.note)
    check_enough(len(names), config)
    order = sorted(names, key=lambda content: digest("adapt", config.seed, content))
    count = _held_out(len(names), config)
    sides = order[:count], order[count : count + photos_needed(config)]
    held_out, learning = (tuple(names[content] for content in side) for side in sides)
    others = {photo.name for photo in listed} - {*held_out, *learning}
    contents = {names[content]: content for side in sides for content in side}
    return Split(held_out, learning, tuple(sorted(others)), contents)


def _held_out(count: int, config: RunConfig) -> int:
    asked = config.adapt_options.held_out
    return min(MOST_HELD_OUT, count // 3) if asked is None else asked
