"""Any directory as a data set: every image in it and below."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from safebench.errors import DataError
from safebench.inputs.photos.sets import FilePhoto, Photo


class Folder:
    """The images of a directory and those below it, by their names' endings."""

    licence = "the user's own files"

    def __init__(self, root: Path) -> None:
        """Look through `root`; raises DataError where it is no directory or holds no image."""
        self.root = root.expanduser()
        self.name = self.root.resolve().name or "root"
        self.title = f"the photos in {self.root}"
        listing = list_images(self.root)
        self.ignored = listing.ignored
        self.note = listing.note
        self._photos: list[Photo] = [FilePhoto(name, path) for name, path in listing.images.items()]
        if not self._photos:
            plural = "s" if self.ignored > 1 else ""
            others = f"; it holds {self.ignored} other file{plural}" if self.ignored else ""
            raise DataError(f"{self.root}: there is no photo in it (JPEG, PNG, WebP, TIFF or BMP by name){others}")

    def photos(self) -> list[Photo]:
        """All photos, sorted by name."""
        return self._photos


class Listing:
    """The images in a directory and below: `images` by name, in sorted order; `ignored`: how many other files."""

    def __init__(self, images: dict[str, Path], ignored: int, unread: list[str]) -> None:
        self.images = dict(sorted(images.items()))
        self.ignored = ignored
        self.note = f"these folders could not be read: {', '.join(unread)}" if unread else ""


def list_images(root: Path, suffixes: frozenset[str] | None = None) -> Listing:
    """Every regular file below `root` whose name ends in one of `suffixes` (of images, where not given).

    Hidden files and folders are left out; a folder that links lead to twice is entered once.  A name is the path
    relative to `root`; bytes of it that are no text are written as escapes.  Raises DataError where `root` is no
    directory.
    """
    if suffixes is None:
        from safebench.inputs.images import IMAGE_SUFFIXES

        suffixes = IMAGE_SUFFIXES
    if not root.is_dir():
        what = "is a file, not a directory" if root.exists() else "there is no such directory"
        raise DataError(f"{root}: {what}")
    images: dict[str, Path] = {}
    ignored = 0
    unread: list[str] = []
    for path in _files(root, unread):
        if path.suffix.lower() in suffixes and path.is_file():
            images[_name(path.relative_to(root))] = path
        else:
            ignored += 1
    return Listing(images, ignored, unread)


def _files(root: Path, unread: list[str]) -> Iterator[Path]:
    """All that is no folder below `root`; the folders that cannot be read go to `unread`."""
    entered = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=lambda e: unread.append(str(e.filename))):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in entered:
            subfolders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def _name(relative: Path) -> str:
    return os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
