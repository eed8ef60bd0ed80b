"""Pictures by lists: JSON pairs (IMDL-BenCo), text lines (MVSS-Net), CSV with named columns.

A path in a list is relative to the list's folder, or to a folder above it: the nearest one in which the first picture
lies.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from safebench.errors import DataError
from safebench.files import as_text, read_text
from safebench.inputs.pictures.sets import ForgedPicture, PictureSet

AUTHENTIC: Final = frozenset({"negative", "positive", "none", ""})
"""What stands for the mask of an authentic picture, in lower case: `Negative` in JSON, `None` in text lists."""
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "picture": ("picture", "image", "img", "forged", "fake", "path", "file"),
    "mask": ("mask", "gt", "ground_truth"),
    "original": ("original", "authentic", "real", "pristine"),
    "generator": ("generator", "model", "method", "inpainter", "manipulation"),
    "mask_type": ("mask_type",),
    "photo": ("photo", "source"),
    "label": ("label",),
}
"""The columns of a CSV, and what else they may be called."""
_AUTHENTIC_LABELS = ("0", "authentic", "real", "pristine")


@dataclass(frozen=True)
class Line:
    """One line of a list; `mask` is "" for an authentic picture, `unlabelled` where only the lack of one says so."""

    picture: str
    mask: str
    original: str = ""
    generator: str = ""
    mask_type: str = ""
    photo: str = ""
    unlabelled: bool = False


def read_list(path: Path) -> PictureSet:
    """The pictures of a list in a file, told by its name's ending: .json, .csv, else text.

    Raises DataError where it cannot be read, holds a line of another form, or where none of its pictures is there.
    """
    reader = {".json": _json, ".csv": _csv}.get(path.suffix.lower(), _text)
    lines = list(reader(path))
    if not lines:
        raise DataError(f"{path}: there is no picture in this list")
    below = _common(lines)
    root = _root(path, lines, below)

    def called(written: str) -> str:
        return Path(written).relative_to(below).as_posix() if below and Path(written).is_absolute() else written

    name = as_text(path.stem)
    forged = [_forged(line, root, name, called) for line in lines if line.mask]
    others = [line.original for line in lines if line.original]
    authentic = {called(path): root / path for path in (*(line.picture for line in lines if not line.mask), *others)}
    unique = list({picture.name: picture for picture in reversed(forged)}.values())[::-1]
    kind = {_json: "json", _csv: "csv"}.get(reader, "list")
    found = PictureSet(name, kind, root, unique, authentic, f"the pictures of {path.name}")
    if twice := len(forged) - len(unique):
        found.remarks.append(f"{path}: {twice} of its lines name a forged picture again, and are left out")
    if unlabelled := sum(line.unlabelled for line in lines):
        found.remarks.append(f"{path}: {unlabelled} of its lines have neither mask nor label, and count as authentic")
    return found


def _forged(line: Line, root: Path, name: str, called: Callable[[str], str]) -> ForgedPicture:
    original = called(line.original) if line.original else ""
    return ForgedPicture(
        name=called(line.picture),
        path=root / line.picture,
        mask=root / line.mask,
        original=original,
        generator=line.generator or name,
        photo=line.photo or original or called(line.picture),
        mask_type=line.mask_type,
    )


def _common(lines: Iterable[Line]) -> Path | None:
    """The folder that holds all that a list names by whole paths, and below which its names are told; None where it
    names nothing so."""
    paths = [Path(path) for line in lines for path in (line.picture, line.mask, line.original) if path]
    whole = [path.parent for path in paths if path.is_absolute()]
    return Path(os.path.commonpath(whole)) if whole else None


def _root(path: Path, lines: Iterable[Line], below: Path | None) -> Path:
    """The list's folder, or the nearest above it, in which any of its pictures lies; `below` where all are given by
    whole paths."""
    pictures = [line.picture for line in lines]
    whole = below is not None and all(Path(picture).is_absolute() for picture in pictures)
    for folder in [below] if whole and below else path.resolve().parents:
        if any((folder / picture).is_file() for picture in pictures[:100]):
            return folder
    raise DataError(
        f"{path}: its pictures are not there: {pictures[0]} lies neither beside the list nor in a folder above it; put "
        "the list where its paths begin"
    )


def _json(path: Path) -> Iterator[Line]:
    try:
        pairs = msgspec.json.decode(read_text(path))
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: is no JSON list of pictures ({error})") from None
    wanted = 'a list of pairs, [["forged.jpg", "mask.png"], ["authentic.jpg", "Negative"]]'
    if not isinstance(pairs, list):
        raise DataError(f"{path}: is no list of pictures; it has to be {wanted}")
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) >= 2 and all(isinstance(part, str) for part in pair[:2])):
            raise DataError(f"{path}: {str(pair)[:80]} is no picture with its mask; it has to be {wanted}")
        mask = "" if pair[1].lower() in AUTHENTIC else _plain(pair[1])
        yield Line(_plain(pair[0]), mask, unlabelled=not pair[1])


def _text(path: Path) -> Iterator[Line]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != 3 or not fields[2].lstrip("-").isdigit():
            raise DataError(
                f"{path}, line {number}: '{line.strip()[:80]}' is not PICTURE MASK LABEL (label 0: authentic, mask "
                "None); a path with spaces needs a CSV"
            )
        forged = int(fields[2]) > 0
        if forged and fields[1].lower() in AUTHENTIC:
            raise DataError(f"{path}, line {number}: {fields[0]} is forged by its label, and has no mask")
        yield Line(_plain(fields[0]), _plain(fields[1]) if forged else "")


def _csv(path: Path) -> Iterator[Line]:
    rows = csv.DictReader(io.StringIO(read_text(path)))
    given = {name.strip().lower(): name for name in rows.fieldnames or () if name}
    column = {key: next((given[n] for n in names if n in given), "") for key, names in COLUMNS.items()}
    if not column["picture"] or not column["mask"]:
        raise DataError(
            f"{path}: its first line has to name the columns picture and mask, and may name original, generator, "
            f"mask_type, photo and label; it names {', '.join(given) or 'nothing'}"
        )
    said = _sayings(column)
    for row in rows:
        if None in row.values():
            raise DataError(f"{path}, line {rows.line_num}: has fewer fields than its first line names")
        mask = said(row, "mask")
        label = said(row, "label")
        authentic = label.lower() in _AUTHENTIC_LABELS or mask.lower() in AUTHENTIC
        if authentic and label and label.lower() not in _AUTHENTIC_LABELS:
            raise DataError(f"{path}: {said(row, 'picture')} is forged by its label, and has no mask")
        yield Line(
            _plain(said(row, "picture")),
            "" if authentic else _plain(mask),
            _plain(said(row, "original")),
            said(row, "generator"),
            said(row, "mask_type"),
            said(row, "photo"),
            unlabelled=not mask and not label,
        )


def _sayings(column: Mapping[str, str]) -> Callable[[Mapping[str, str | None], str], str]:
    return lambda row, key: (row.get(column[key]) or "").strip() if column[key] else ""


def _plain(path: str) -> str:
    """A path as names are written: with `/`, and without `./` before it."""
    return path.replace("\\", "/").removeprefix("./")
