"""Any directory as a data set: every image in it and below."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from safebench.errors import DataError
from safebench.files import as_text, expanded
from safebench.inputs.names import IMAGE_SUFFIXES, check_directory
from safebench.inputs.own import has_note, is_own_folder, own_folder_around
from safebench.inputs.photos.sets import FilePhoto, Photo

_MASK = re.compile(r"(.+?)[ _.-]*mask[ _.-]*\d*|mask[ _.-]*(.+)", re.IGNORECASE)
"""The stem of a mask's name, and that of its photo in it."""


class Folder:
    """The images of a directory and those below it, by their names' endings.

    Left out, and told in `left_out`: what SafeBench made, and masks that lie beside their photos.
    """

    licence = "the user's own files"
    independent: int | None = None

    def __init__(self, root: Path) -> None:
        """Look through `root`; raises DataError where it is no directory, holds no image, or is a run's folder."""
        self.root = expanded(root)
        self.name = as_text(self.root.resolve().name) or "root"
        self.title = f"the photos in {as_text(self.root)}"
        if own := own_folder_around(self.root):
            raise DataError(
                f"{self.root}: there is no photo in it: {own} holds what SafeBench made of photos; name the folder of "
                "the photos themselves"
            )
        listing = list_images(self.root)
        noted = {name for name, path in listing.images.items() if has_note(path)}
        listing.own += len(noted)
        masks = masks_beside(listing.images)
        self.left_out: Sequence[str] = _left_out(listing, masks.keys() - noted)
        self.ignored = listing.ignored
        self.note = "; ".join(filter(None, [listing.note, *self.left_out]))
        self._photos: list[Photo] = [
            FilePhoto(name, path) for name, path in listing.images.items() if name not in noted and name not in masks
        ]
        if not self._photos:
            plural = "s" if self.ignored > 1 else ""
            others = [f"it holds {self.ignored} other file{plural}"] if self.ignored else []
            what = f"{self.root}: there is no photo in it (JPEG, PNG, WebP, TIFF or BMP by name)"
            raise DataError("; ".join([what, *others, *self.left_out]))

    def photos(self) -> list[Photo]:
        """All photos, sorted by name."""
        return self._photos


class Listing:
    """The images in a directory and below: `images` by name, in sorted order; `ignored`: how many other files.

    own: how many images lie in folders that SafeBench made, which are not entered.
    """

    def __init__(self, images: dict[str, Path], ignored: int, unread: list[str], own: int) -> None:
        self.images = dict(sorted(images.items()))
        self.ignored = ignored
        self.own = own
        self.note = f"these folders could not be read: {', '.join(unread)}" if unread else ""


def masks_beside(names: Iterable[str]) -> dict[str, str]:
    """The images that are masks of others in the same folder by their names, with the name of their photo.

    `a_mask.png`, `a_mask001.png` and `mask_a.png` are masks of `a.png` or `a.jpg`.
    """
    photos = {name.rpartition(".")[0]: name for name in names}
    masks = {}
    for stem, name in photos.items():
        folder, slash, own = stem.rpartition("/")
        match = _MASK.fullmatch(own)
        photo = photos.get(f"{folder}{slash}{match[1] or match[2]}") if match else None
        if photo is not None:
            masks[name] = photo
    return masks


def _left_out(listing: Listing, masks: Collection[str]) -> list[str]:
    sentences = []
    if listing.own:
        made = "a picture that SafeBench made" if listing.own == 1 else f"{listing.own:,} pictures that SafeBench made"
        sentences.append(f"left out: {made} (in folders of runs, or with its note)")
    if masks:
        what = "image is a mask" if len(masks) == 1 else "images are masks"
        sentences.append(f"left out: {len(masks):,} {what} of the photo beside by name ({min(masks)})")
    return sentences


def list_images(root: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> Listing:
    """Every regular file below `root` whose name ends in one of `suffixes`.

    Hidden files and folders are left out, and so are the folders of SafeBench's runs, trainings and reports below
    `root`; a folder that links lead to twice is entered once.  A name is the path relative to `root`; bytes of it that
    are no text are written as escapes.  Raises DataError where `root` is no directory.
    """
    check_directory(root)
    images: dict[str, Path] = {}
    ignored = 0
    unread: list[str] = []
    own: list[Path] = []
    for path in files_below(root, unread, own):
        if path.suffix.lower() in suffixes and path.is_file():
            images[as_text(path.relative_to(root).as_posix())] = path
        else:
            ignored += 1
    made = sum(path.suffix.lower() in suffixes for folder in own for path in folder.rglob("*"))
    return Listing(images, ignored, unread, made)


def files_below(root: Path, unread: list[str], own: list[Path]) -> Iterator[Path]:
    """All that is no folder below `root`.

    The folders that cannot be read go to `unread`, those that SafeBench made to `own`.
    """
    entered = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=lambda e: unread.append(str(e.filename))):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in entered:
            subfolders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        if Path(folder) != root and is_own_folder(Path(folder)):
            own.append(Path(folder))
            subfolders.clear()
            continue
        yield from (Path(folder, name) for name in files if not name.startswith("."))
