"""What a set of forged pictures is to the engine: pictures that others made, their masks, and authentic ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safebench.inputs.photos.sets import FilePhoto, Photo


@dataclass(frozen=True)
class ForgedPicture:
    """A picture that somebody forged.

    name: unique in its set: a path relative to the set's folder, with `/`.
    mask: the file of its true mask; None where there is none.
    original: the name of the authentic picture that it was made from; "" where that is not in the set.
    generator: who made it: what stands where an inpainter's name stands.
    photo: what pictures of one photo have in common; that photo's name, or anything else.
    mask_type: the kind of mask (`bbox`), where the set has several; it is part of the bin.
    repeat: tells apart pictures that one generator made of the same photo through the same mask.
    """

    name: str
    path: Path
    mask: Path | None
    original: str = ""
    generator: str = ""
    photo: str = ""
    mask_type: str = ""
    repeat: str = ""

    def fingerprint(self) -> str:
        """sha256 of the file's bytes; raises OSError."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass
class PictureSet:
    """A set of forged pictures: where it comes from, and under which terms.

    It is to the plan what a set of photos is: its photos are the authentic pictures.

    kind: how its layout was told: `json`, `list`, `csv`, `folders`, or the name of a published set.
    authentic: the authentic pictures by name, those that a forged one was made from and others.
    sets: the published sets that these pictures are of, and those that their photos are of, as far as names tell.
    coloured: whether its masks are red and green, and green is what was spliced in (Columbia).
    remarks: sentences for the user on what was found.
    excluded: how many pictures `--exclude` left out; exclusion: the sha256 of that list's bytes.
    """

    name: str
    kind: str
    root: Path
    forged: Sequence[ForgedPicture]
    authentic: dict[str, Path] = field(default_factory=dict)
    title: str = ""
    licence: str = "the user's own files"
    note: str = ""
    sets: tuple[str, ...] = ()
    coloured: bool = False
    remarks: list[str] = field(default_factory=list)
    excluded: int = 0
    exclusion: str = ""
    ignored: int = 0
    independent: int | None = None
    left_out: Sequence[str] = ()

    def photos(self) -> list[Photo]:
        """The authentic pictures, sorted by name."""
        return [FilePhoto(name, path) for name, path in sorted(self.authentic.items())]
