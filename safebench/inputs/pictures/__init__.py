"""Forged pictures of others with their masks: lists, folders told by their names, and published sets by name.

Imports neither torch nor an image library until a picture is read.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

from safebench.errors import DataError, UnknownNameError
from safebench.files import expanded
from safebench.inputs.exclusion import read_exclusion
from safebench.inputs.names import check_directory, is_path
from safebench.inputs.photos.locations import location
from safebench.inputs.pictures.folders import read_folders
from safebench.inputs.pictures.lists import read_list
from safebench.inputs.pictures.published import PUBLISHED
from safebench.inputs.pictures.published_set import PublishedSet
from safebench.inputs.pictures.sets import ForgedPicture, PictureSet
from safebench.keys import plain

__all__ = ["PUBLISHED", "ForgedPicture", "PictureSet", "check_pictures", "find_published", "open_pictures"]

_LISTS = frozenset((".json", ".csv", ".txt"))
_TOLD_APART = ("tgif", "cocoglide", "autosplice", "columbia", "coverage")
"""Published sets that are known by their folders, wherever they lie."""


def open_pictures(spec: str, exclude: str | None = None) -> PictureSet:
    """The pictures of a published set by name, of a list in a file, or of a directory told by its folders' names.

    exclude: a file that names pictures to leave out, one a line: as the set names them, or by the file's name alone.
    Raises UnknownNameError for a name that is none, DataError where the pictures are not there, or cannot be told from
    their masks.
    """
    found = _opened(spec)
    if not found.sets and (alike := find_published(found.name.partition(":")[0])) is not None:
        found.sets = alike.sets
    if exclude is not None:
        _exclude(found, expanded(exclude))
    if not found.forged and not found.authentic:
        raise DataError(f"--pictures {spec}: no picture is left")
    return found


def check_pictures(spec: str, exclude: str | None = None) -> None:
    """Raise what `open_pictures` would raise."""
    open_pictures(spec, exclude)


def find_published(name: str) -> PublishedSet | None:
    """The published set of that name, or the split of one (`tgif:validation`), forgivingly spelt; None where there is
    none.  Raises UnknownNameError for a split that it has not."""
    known = {plain(alias): one for one in PUBLISHED for alias in (one.name, *one.aliases)}
    base, _, split = name.partition(":")
    found = known.get(plain(base))
    return found.of_split(split) if found and split else found


def _opened(spec: str) -> PictureSet:
    root = expanded(spec)
    published = None if is_path(spec) else find_published(spec)
    if published is not None:
        return published.read(location(published.base))
    if root.is_file():
        if root.suffix.lower() not in _LISTS:
            raise DataError(f"{root}: is no list of pictures by its name; lists end in .json, .csv or .txt")
        return read_list(root)
    if not is_path(spec) and not root.is_dir():
        names = [one.name for one in PUBLISHED]
        near = difflib.get_close_matches(plain(spec), names, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
        raise UnknownNameError(f"no set of forged pictures is called '{spec}', and there is no such file; {hint}")
    check_directory(root)
    here = (one for one in PUBLISHED if one.name in _TOLD_APART and one.is_here(root))
    alike = (split for one in here for split in (one, *map(one.of_split, one.splits)))
    return next((found for one in alike if (found := _read_as(one, root))), None) or read_folders(root)


def _read_as(published: PublishedSet, root: Path) -> PictureSet | None:
    """The pictures of a directory, where they are called as those of a published set."""
    forged, _ = published.pair(root)
    return published.read(root) if any(picture.mask for picture in forged) else None


def _exclude(found: PictureSet, path: Path) -> None:
    """Leave out what the list names; what names nothing is told."""
    excluded = read_exclusion(path, [*(picture.name for picture in found.forged), *found.authentic])
    kept = [picture for picture in found.forged if picture.name not in excluded.names]
    authentic = {name: place for name, place in found.authentic.items() if name not in excluded.names}
    found.excluded = len(found.forged) - len(kept) + len(found.authentic) - len(authentic)
    found.exclusion = excluded.sha256
    lost = [p if not p.original or p.original in authentic else replace(p, original="") for p in kept]
    found.forged, found.authentic = lost, authentic
    found.remarks += excluded.remarks(found.excluded, "picture")
