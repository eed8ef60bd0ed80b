"""What a data set is to the engine: photos with names, read one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Photo(Protocol):
    """One photo of a data set; hashable, and equal to another only where both are the same file (or crop)."""

    @property
    def name(self) -> str:
        """Unique in its set: a path relative to the set's folder, with `/`."""

    def fingerprint(self) -> str:
        """sha256, in hex, of the file's bytes (of a built-in crop: of its pixels).  Raises OSError, ImageError."""

    def load(self) -> NDArray[np.uint8]:
        """The pixels: uint8 H x W x 3, RGB.  Raises ImageError where the file is no photo that can be read."""


class PhotoSet(Protocol):
    """A data set: where its photos come from, and under which terms."""

    name: str
    """What the tables call it: a data set's name, or the folder's own."""
    title: str
    licence: str
    note: str
    """What a reader of the results should know of it; may be empty."""
    ignored: int
    """Files that lie there and are no images by their names."""
    independent: int | None
    """How many photos its crops come from, which is what verdicts count; None where each photo is one of its own."""
    left_out: Sequence[str]
    """One sentence for each kind of image that lies there and is no photo."""

    def photos(self) -> list[Photo]:
        """All photos, sorted by name."""


@dataclass(frozen=True)
class FilePhoto:
    """A photo in a file; `name` as in `Photo`."""

    name: str
    path: Path

    def fingerprint(self) -> str:
        """sha256 of the file's bytes; raises OSError."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def load(self) -> NDArray[np.uint8]:
        """The pixels: uint8 H x W x 3; raises ImageError, also for a mask."""
        from safebench.inputs.images import check_photo, read_photo

        return check_photo(self.path, read_photo(self.path))
