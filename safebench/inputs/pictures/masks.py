"""The masks that belong to forged pictures, as the set of masks of a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safebench.errors import ImageError
from safebench.inputs.pictures.sets import ForgedPicture, PictureSet
from safebench.keys import digest
from safebench.protocol import NO_BIN, Bin, bin_of_any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from safebench.inputs.pictures.holes import HoleReader


@dataclass(frozen=True)
class MeasuredMask:
    """What the plan has to know of a mask: the sha256 of its file, its bin, the share of grey pixels; which side of it
    is the hole; and why it cannot be used ("" where it can)."""

    sha256: str
    bin: str
    grey: float = 0.0
    inverted: bool = False
    problem: str = ""


class PictureMasks:
    """The true masks of forged pictures: each is its picture's own, none is drawn.

    reader: how they are read.
    """

    name = "the pictures' own"
    note = ""
    left_out: Sequence[str] = ()
    outside = 0

    def __init__(self, pictures: PictureSet, reader: HoleReader) -> None:
        self.licence = pictures.licence
        self.reader = reader
        self.problems: list[str] = []
        self._originals = pictures.authentic
        self._pictures: dict[str, ForgedPicture] = {}

    def name_of(self, picture: ForgedPicture, root: Path) -> str:
        """What the picture's mask is called: its path below the set's folder."""
        if picture.mask is None:
            name = f"no mask of {picture.name}"
        else:
            below = picture.mask.is_relative_to(root)
            tail = f"{digest(str(picture.mask))[:8]}-{picture.mask.name}"  # masks of one name may lie in two folders
            name = picture.mask.relative_to(root).as_posix() if below else tail
        self._pictures.setdefault(name, picture)
        return name

    def index(self, size: int) -> Mapping[Bin, Sequence[str]]:
        """None: no mask is drawn for a photo."""
        del size
        return {}

    def measure(self, name: str) -> MeasuredMask:
        """Read a mask."""
        try:
            data = self._read(name)
            white, grey = self.reader.white(self._path(name), data)
            hole = self._side(name, white)
            sha256 = hashlib.sha256(data).hexdigest()
            return MeasuredMask(sha256, bin_of_any(int(hole.sum()), hole.size), grey, bool((hole != white).any()))
        except (ImageError, OSError, MemoryError) as error:
            return MeasuredMask(digest("unreadable", name), NO_BIN, problem=str(error))

    def fingerprint(self, name: str) -> str:
        """sha256 of the mask's file; raises OSError, ImageError."""
        return hashlib.sha256(self._read(name)).hexdigest()

    def load(self, name: str, size: int | None = None) -> NDArray[np.bool_]:
        """The hole at its mask's own size, bool H x W; raises ImageError."""
        del size
        white, _ = self.reader.white(self._path(name), self._read(name))
        return self._side(name, white)

    def _side(self, name: str, white: NDArray[np.bool_]) -> NDArray[np.bool_]:
        from safebench.inputs.images import read_photo
        from safebench.inputs.pictures.holes import AUTO

        picture = self._pictures[name]
        if self.reader.hole != AUTO:
            return self.reader.side(self._path(name), white, None, None)
        original = self._originals.get(picture.original)
        return self.reader.side(
            self._path(name), white, read_photo(picture.path), read_photo(original) if original else None
        )

    def _path(self, name: str) -> Path:
        path = self._pictures[name].mask
        if path is None:
            raise ImageError(f"{self._pictures[name].name}: there is no mask of its name")
        return path

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ImageError(f"{path}: it cannot be read ({error.strerror or error})") from None
