"""NVIDIA's Irregular Mask Dataset, the testing set of Liu et al. 2018: 12,000 masks of 512 x 512, white is hole.

A mask's number says in which bin it lies: 2,000 to each bin, in ascending order.  That tells the official set, and its
polarity, from any other folder of images with numbers for names.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from safebench.errors import DataError, ImageError
from safebench.inputs.masks.files import Archive, FileMasks, MaskFile
from safebench.inputs.masks.index import Measured, measured
from safebench.inputs.photos.folder import list_images
from safebench.inputs.photos.locations import location
from safebench.protocol import Bin, bin_of

FOLDER = "nvidia-irregular"
"""The folder's name among the data sets."""
COUNT = 12_000
PAGE = "https://nv-adlr.github.io/publication/partialconv-inpainting"
LICENCE = "CC BY-NC-SA 4.0, NVIDIA Corporation; for research only"

_SIDE = 512
_EACH = 2_000
_NAME = re.compile(r"(?:.*/)?(\d{5}\.png)")
_ZIP = re.compile(r"test_mask.*\.zip", re.IGNORECASE)
_LOOKED_AT = 60
_FEWEST = 10
_AGREEING = 0.9

Verdict = Literal["agrees", "inverted", "other"]


@dataclass(frozen=True)
class _Found:
    """Masks with five-digit names, and how many images with other names lie beside them."""

    files: dict[str, MaskFile]
    others: int


class Nvidia(FileMasks):
    """The official masks, from a folder of PNG files or from their zip files; complete or in part."""

    def __init__(self, root: Path, numbered: _Found) -> None:
        super().__init__("nvidia", LICENCE, numbered.files)
        self.root = root
        self.note = f"{len(self.files):,} of the {COUNT:,} masks" if len(self.files) < COUNT else f"all {COUNT:,} masks"
        if numbered.others:
            self.note += f"; {numbered.others:,} other images that lie there are left out"

    def checked(self, masks: dict[str, Measured]) -> dict[str, Measured]:
        """The masks that lie in the bin which their number says; the others go to `problems`.

        Raises DataError where they are more than a tenth.
        """
        wrong = [name for name, mask in masks.items() if _verdict(name, mask) != "agrees"]
        if len(wrong) > (1 - _AGREEING) * len(masks):
            raise DataError(f"{self.root}: {len(wrong)} of its {len(masks)} masks are not NVIDIA's of that number")
        for name in wrong:
            mask = masks.pop(name)
            ratio = mask.own_hole / (mask.height * mask.width)
            self.problems.append(
                f"{self.files[name].path}: {name} has {mask.width}x{mask.height} pixels, {ratio:.1%} of them hole, "
                f"which NVIDIA's mask of that number has not"
            )
        return masks


def official_masks(root: Path | None = None) -> Nvidia:
    """The set in `root`, or at its own place among the data sets; raises DataError where it is another, or none."""
    root = root or location(FOLDER)
    numbered = _numbered(root) if root.is_dir() else None
    if not numbered or not numbered.files:
        raise DataError(
            f"nvidia: the masks are not in {root}; `safebench data prepare nvidia` downloads them from "
            f"{PAGE}, and with --from DIRECTORY it says where they lie"
        )
    if _recognise(root, numbered.files) != "agrees":
        raise DataError(f"{root}: its masks are not NVIDIA's: their holes do not have the sizes that their numbers say")
    return Nvidia(root, numbered)


def recognised(root: Path) -> Nvidia | None:
    """The official set, where the directory holds it; None where it holds other images.

    Raises DataError where it holds the official masks with black for the hole, or zip files that are damaged.
    """
    if not root.is_dir():
        return None
    numbered = _numbered(root)
    zipped = any(file.archive for file in numbered.files.values())
    # names alone may be chance: then all have to be such names, and more than a few
    if not zipped and (numbered.others or len(numbered.files) < _FEWEST):
        return None
    return Nvidia(root, numbered) if _recognise(root, numbered.files) == "agrees" else None


def _numbered(root: Path) -> _Found:
    """The images with five-digit names, in the directory, below it, and in the official zip files there."""
    packed: dict[str, MaskFile] = {}
    for path in list_images(root, frozenset({".zip"})).images.values():
        if _ZIP.fullmatch(path.name):
            archive = Archive(path)
            matches = {member: _NAME.fullmatch(member) for member in archive.members}
            packed |= {match[1]: MaskFile(path, archive, member) for member, match in matches.items() if match}
    images = list_images(root).images
    unpacked = {match[1]: MaskFile(path) for name, path in images.items() if (match := _NAME.fullmatch(name))}
    files = {name: file for name, file in {**packed, **unpacked}.items() if int(name[:5]) < COUNT}
    return _Found(files, len(images) - sum(file.archive is None for file in files.values()))


def _recognise(root: Path, files: dict[str, MaskFile]) -> Verdict:
    """Look at some masks, spread over the numbers; raises DataError where they are the official ones, inverted."""
    names = sorted(files)[:: max(1, len(files) // _LOOKED_AT)]
    verdicts: Counter[Verdict] = Counter()
    for name in names:
        try:
            mask = files[name].load()
        except (ImageError, OSError):
            continue
        verdicts[_verdict(name, measured(mask))] += 1
    for verdict in ("agrees", "inverted"):
        if verdicts.total() and verdicts[verdict] >= _AGREEING * verdicts.total():
            if verdict == "inverted":
                raise DataError(
                    f"{root}: these are NVIDIA's masks inverted, black where the hole is; white has to be the hole: "
                    f"invert them, or use the official ones ({PAGE})"
                )
            return verdict
    return "other"


def _verdict(name: str, mask: Measured) -> Verdict:
    """Whether the hole has the size that the number says, or what is not hole has it."""
    if (mask.height, mask.width) != (_SIDE, _SIDE):
        return "other"
    pixels = mask.height * mask.width
    says = Bin(int(name[:5]) // _EACH + 1)
    if bin_of(mask.own_hole, pixels) == says:
        return "agrees"
    return "inverted" if bin_of(pixels - mask.own_hole, pixels) == says else "other"
