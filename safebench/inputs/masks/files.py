"""Masks in files: images of a directory, or members of zip files."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safebench.errors import DataError, ImageError
from safebench.files import as_text
from safebench.inputs.masks.index import Measured, measure_all
from safebench.inputs.photos.folder import list_images, masks_beside
from safebench.protocol import BINS, Bin, bin_of
from safebench.weights.read.archives import members

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LARGEST_MEMBER = 64 << 20


class Archive:
    """A zip file that is open for reading, from several threads."""

    def __init__(self, path: Path) -> None:
        """Open it; raises DataError where it is damaged."""
        self.path = path
        self._lock = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
            self.members = members(self._zip)
        except (OSError, zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: it cannot be read as a zip file ({error})") from None

    def read(self, member: str) -> bytes:
        """A member's bytes; raises ImageError where they are damaged, locked, or more than a mask can be."""
        info = self.members[member]
        if info.file_size > _LARGEST_MEMBER:
            raise ImageError(f"{self.path}: its member {member} would unpack to {info.file_size} bytes")
        try:
            with self._lock:
                return self._zip.read(info)
        except Exception as error:  # zipfile lets through what its decompressors raise
            raise ImageError(f"{self.path}: its member {member} cannot be unpacked ({error})") from None


@dataclass(frozen=True)
class MaskFile:
    """One mask: the file at `path`, or `member` of the zip file `archive`."""

    path: Path
    archive: Archive | None = None
    member: str = ""
    threshold: int | None = None
    """The level from which on a pixel is hole; None where the file is black and white."""

    def stamp(self) -> str:
        """What changes when the file does; raises OSError."""
        if self.archive is not None:
            info = self.archive.members[self.member]
            return f"{info.CRC}:{info.file_size}"
        status = self.path.stat()
        return f"{status.st_mtime_ns}:{status.st_size}{self._suffix()}"

    def read(self) -> bytes:
        """The file's bytes; raises OSError, or ImageError for a damaged member."""
        return self.path.read_bytes() if self.archive is None else self.archive.read(self.member)

    def fingerprint(self) -> str:
        """sha256 of the file's bytes, and of the threshold where there is one; raises OSError, ImageError."""
        return hashlib.sha256(self.read() + self._suffix().encode()).hexdigest()

    def load(self) -> NDArray[np.bool_]:
        """The mask at its own size: bool H x W, True = hole; raises ImageError."""
        from safebench.inputs.images import read_mask

        if self.archive:
            return read_mask(self.path / self.member, self.read())
        return read_mask(self.path, threshold=self.threshold)

    def _suffix(self) -> str:
        return "" if self.threshold is None else f":{self.threshold}"


class FileMasks:
    """A set of masks in files, by name."""

    def __init__(self, name: str, licence: str, files: Mapping[str, MaskFile]) -> None:
        self.name = name
        self.licence = licence
        self.note = ""
        self.left_out: Sequence[str] = ()
        self.files = dict(sorted(files.items()))
        self.outside = 0
        self.problems: list[str] = []

    def index(self, size: int) -> Mapping[Bin, Sequence[str]]:
        """The names in each bin, measured at `size`; kept in the cache, since it takes milliseconds a mask.

        Sets `outside` and `problems`.
        """
        measured, self.problems = measure_all(self.files, size)
        bins: dict[Bin, list[str]] = {b: [] for b in BINS}
        self.outside = 0
        for name, mask in self.checked(measured).items():
            hole_bin = bin_of(mask.hole, size * size)
            if hole_bin is None:
                self.outside += 1
            else:
                bins[hole_bin].append(name)
        return bins

    def checked(self, masks: dict[str, Measured]) -> dict[str, Measured]:
        """The masks that are what the set says they are; here all of them."""
        return masks

    def fingerprint(self, name: str) -> str:
        """As `MaskFile.fingerprint`."""
        return self._file(name).fingerprint()

    def load(self, name: str, size: int) -> NDArray[np.bool_]:
        """The mask at a size: bool `size` x `size`, True = hole; raises ImageError."""
        from safebench.inputs.images import square_mask

        return square_mask(self._file(name).load(), size)

    def _file(self, name: str) -> MaskFile:
        if name not in self.files:
            raise DataError(f"{self.name}: there is no mask '{name}'")
        return self.files[name]


def directory_masks(root: Path, threshold: int | None = None) -> FileMasks:
    """Every image in a directory and below, as masks, but for photos that lie beside theirs.

    threshold: as in `MaskFile`.  Raises DataError where there is none.
    """
    listing = list_images(root)
    if not listing.images:
        raise DataError(f"{root}: there is no mask in it (PNG, TIFF, BMP, WebP or JPEG by name)")
    photos = set(masks_beside(listing.images).values())
    files = {name: MaskFile(path, threshold=threshold) for name, path in listing.images.items() if name not in photos}
    masks = FileMasks(as_text(root.resolve().name) or "root", "the user's own files", files)
    if photos:
        what = "image is a photo" if len(photos) == 1 else "images are photos"
        masks.left_out = [f"left out: {len(photos):,} {what} beside a mask by name ({min(photos)})"]
    masks.note = "; ".join(filter(None, [listing.note, *masks.left_out]))
    return masks
