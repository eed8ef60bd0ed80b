"""Pictures in folders that are told by their names: Tp/Gt/Au, fake/mask/real, forged/masks/originals.

A picture's mask and original are those of the same name, but for what such names add: `a_mask.png` and `a_gt.png` are
masks of `a.jpg`.  Nothing is paired by its place in a list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from safebench.errors import DataError
from safebench.files import as_text
from safebench.inputs.photos.folder import list_images
from safebench.inputs.pictures.sets import ForgedPicture, PictureSet

FORGED: Final = re.compile(r"(tp|fakes?|forged|forgery|tampered|manipulated|inpainted)([ _-].*)?", re.IGNORECASE)
MASKS: Final = re.compile(r"(gt|masks?|(.* )?ground[ _]?truth)([ _-].*)?", re.IGNORECASE)
AUTHENTIC: Final = re.compile(r"(au|reals?|originals?|authentic|pristine)([ _-].*)?", re.IGNORECASE)
_ADDED = re.compile(r"(?i)(?<=.)[ _.-](mask|gt|ground_?truth|forged|fake|orig(inal)?)$")
"""What names of masks and originals add to the picture's."""


@dataclass(frozen=True)
class Found:
    """An image below one of the folders: its name in the set, its folder below the one that was told, its stem."""

    name: str
    path: Path
    below: str
    stem: str


def read_folders(root: Path) -> PictureSet:
    """The pictures of a directory; raises DataError where its folders are not told by their names."""
    folders = {kind: told(root, pattern) for kind, pattern in _KINDS.items()}
    if not folders["forged"] or not folders["masks"]:
        raise DataError(f"{root}: {not_told(root)}")
    name = as_text(root.resolve().name) or "root"
    masks = Index(image for folder in folders["masks"] for image in images_of(root, folder))
    authentic = Index(image for folder in folders["authentic"] for image in images_of(root, folder))
    several = len(folders["forged"]) > 1
    forged = [
        ForgedPicture(
            name=image.name,
            path=image.path,
            mask=_path(masks.find(image)),
            original=_name(authentic.find(image)),
            generator="/".join(filter(None, (folder if several else "", image.below))) or name,
            photo=_name(authentic.find(image)) or image.stem,
        )
        for folder in folders["forged"]
        for image in images_of(root, folder)
    ]
    paths = {image.name: image.path for image in authentic.images}
    found = PictureSet(name, "folders", root, forged, paths, f"the pictures in {as_text(root)}")
    check_paired(found)
    return found


_KINDS: Final = {"forged": FORGED, "masks": MASKS, "authentic": AUTHENTIC}


def told(root: Path, pattern: re.Pattern[str]) -> list[str]:
    """The folders in `root` whose names say that they hold such images."""
    return sorted(path.name for path in root.iterdir() if path.is_dir() and pattern.fullmatch(path.name))


def not_told(root: Path) -> str:
    """What a directory of forged pictures has to look like, and what is there instead."""
    there = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    holds = f"its folders are {', '.join(there[:6])}{', ...' if there[6:] else ''}" if there else "it holds no folders"
    return (
        f"is no set of forged pictures by its folders' names ({holds}); there have to be one of forged pictures (Tp, "
        "fake, forged) and one of their masks (Gt, mask, masks), and may be one of originals (Au, real, originals); or "
        "name a list of pictures and masks (JSON, CSV or text)"
    )


def images_of(root: Path, folder: str) -> Iterator[Found]:
    """The images in a folder of `root` and below it, by name."""
    for name, path in list_images(root / folder).images.items():
        below, _, file = name.rpartition("/")
        yield Found(f"{folder}/{name}", path, below, file.rpartition(".")[0])


class Index:
    """Images by what is left of their names, in one folder or in any.

    called: what is compared of a stem; default: the stem without what names of masks and originals add.
    """

    def __init__(self, images: Iterable[Found], called: Callable[[str], str] | None = None) -> None:
        self._called = called or plain_stem
        self.images = list(images)
        self._by_stem: Mapping[str, list[Found]] = defaultdict(list)
        for image in self.images:
            self._by_stem[self._called(image.stem)].append(image)

    def find(self, picture: Found, called: str | None = None) -> Found | None:
        """The image that belongs to a picture: in the folder of the same name where there is one, else the only one.

        called: what the picture is called; default: its stem without what is added.  None where there is none, or
        several.
        """
        like = self._by_stem.get(plain_stem(picture.stem) if called is None else called, [])
        beside = [image for image in like if image.below == picture.below]
        exact = [image for image in beside or like if image.stem.casefold() == picture.stem.casefold()]
        for images in (exact, beside, like):
            if len(images) == 1:
                return images[0]
        return None


def plain_stem(stem: str) -> str:
    """A stem without what names of masks, forgeries and originals add to it."""
    return _ADDED.sub("", stem).casefold()


def check_paired(found: PictureSet) -> None:
    """Raise DataError where no forged picture has its mask; say how many have none."""
    if not found.forged:
        raise DataError(f"{found.root}: there is no forged picture in it (JPEG, PNG, WebP, TIFF or BMP by name)")
    lacking = [picture.name for picture in found.forged if picture.mask is None]
    if len(lacking) == len(found.forged):
        raise DataError(
            f"{found.root}: no forged picture has a mask of its name ({lacking[0]} has none); masks are called like "
            "their pictures, or end in _mask or _gt; or name a list of pictures and masks"
        )
    if lacking:
        found.remarks.append(
            f"{len(lacking):,} of {len(found.forged):,} forged pictures have no mask of their name ({lacking[0]})"
        )


def _path(image: Found | None) -> Path | None:
    return image.path if image else None


def _name(image: Found | None) -> str:
    return image.name if image else ""
