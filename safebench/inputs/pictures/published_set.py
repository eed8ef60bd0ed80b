"""What a published set of forged pictures is, where to get it, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from safebench.errors import DataError, UnknownNameError
from safebench.inputs.pictures import folders
from safebench.inputs.pictures.folders import told
from safebench.inputs.pictures.sets import ForgedPicture, PictureSet

Pair = Callable[[Path], tuple[list[ForgedPicture], dict[str, Path]]]
"""From a set's folder to its forged pictures, and to the authentic ones by name."""


@dataclass(frozen=True)
class PublishedSet:
    """What a published set is, where to get it, and how it is read.

    needs: the folders that tell it, patterns of their names; what lies in them is paired by `pair`, which gives the
    forged pictures of a folder, and the authentic ones by name.
    count: how many forged pictures the whole set has; 0: not known.
    photos_of: the data sets that its photos were taken from.
    splits: how other splits of it are read, by the word after the colon (`tgif:validation`).
    kind: of a split, the set's own name.
    """

    name: str
    title: str
    licence: str
    paper: str
    url: str
    how_to_get: str
    layout: str
    count: int
    needs: tuple[str, ...]
    pair: Pair
    aliases: tuple[str, ...] = ()
    kind: str = ""
    note: str = ""
    coloured: bool = False
    photos_of: tuple[str, ...] = ()
    splits: Mapping[str, Pair] = field(default_factory=dict)

    def of_split(self, split: str) -> PublishedSet:
        """The set, but of another split: `tgif:validation`.  Raises UnknownNameError for one that it has not."""
        if split not in self.splits:
            known = ", ".join(f"{self.name}:{name}" for name in self.splits)
            have = f"there are {known}, and {self.name} is the testing one" if known else "it has none"
            raise UnknownNameError(f"{self.name}:{split}: {self.title} has no split of that name; {have}")
        return replace(
            self, name=f"{self.name}:{split}", kind=self.name, title=f"{self.title}, {split} pictures", count=0,
            layout=self.layout.replace("testing", split), note=f"the {split} split", pair=self.splits[split], splits={},
        )  # fmt: skip

    @property
    def base(self) -> str:
        """The set's name without a split: under which its place is remembered."""
        return self.kind or self.name

    @property
    def sets(self) -> tuple[str, ...]:
        """The set, and those that its photos are of."""
        return (self.base, *self.photos_of)

    def is_here(self, root: Path) -> bool:
        """Whether a directory has the folders of the set."""
        return root.is_dir() and all(told(root, re.compile(pattern, re.IGNORECASE)) for pattern in self.needs)

    def read(self, root: Path) -> PictureSet:
        """The pictures in a directory; raises DataError, with where to get the set, where they are not there."""
        if not self.is_here(root):
            raise DataError(
                f"{self.name}: is not in {root}, where {self.layout} should lie; {self.how_to_get} ({self.url}), and "
                f"`safebench data prepare {self.base} --from DIRECTORY` says where it lies"
            )
        forged, authentic = self.pair(root)
        if self.splits and not forged:
            others = ", ".join(f"{self.name}:{split}" for split in self.splits)
            raise DataError(f"{root}: holds no pictures of {self.name}'s own split; others are {others}")
        found = PictureSet(
            self.name,
            self.base,
            root,
            forged,
            authentic,
            self.title,
            self.licence,
            sets=self.sets,
            coloured=self.coloured,
        )
        folders.check_paired(found)
        share = f"{len(forged):,}" + (f" of its {self.count:,}" if self.count else "") + " forged pictures"
        found.note = "; ".join(filter(None, [share, self.note]))
        return found
