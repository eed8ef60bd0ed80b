"""Data sets: photos by the name of a data set, or from any directory.

Imports neither torch nor an image library until a photo is read, so that lists of data sets are quick.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from safebench.errors import DataError, UnknownNameError
from safebench.files import expanded
from safebench.inputs.names import IMAGE_SUFFIXES, check_directory, is_path
from safebench.inputs.own import own_folder_around
from safebench.inputs.photos.folder import Folder, files_below
from safebench.inputs.photos.locations import data_folder, location
from safebench.inputs.photos.official import LAYOUTS, Layout, Official, is_here
from safebench.inputs.photos.sample import SOURCES, Sample
from safebench.inputs.photos.sets import FilePhoto, Photo, PhotoSet
from safebench.keys import plain

__all__ = [
    "DatasetCard",
    "FilePhoto",
    "Photo",
    "PhotoSet",
    "check_photos",
    "data_folder",
    "dataset_cards",
    "find_layout",
    "open_photos",
]


@dataclass(frozen=True)
class DatasetCard:
    """What `safebench list datasets` says of a data set."""

    name: str
    title: str
    licence: str
    paper: str
    url: str
    where: str
    present: bool


def open_photos(spec: str) -> PhotoSet:
    """The photos of a data set by name (`sample`, `places2`, ...), or of a directory and those below it.

    A directory called like a data set is written with its path, `./sample`.  Raises UnknownNameError, with near
    matches, for what is neither, and DataError where the directory or the data set is missing or holds no photos.
    """
    if is_path(spec):
        return Folder(Path(spec))
    if plain(spec) == "sample":
        return Sample()
    if layout := _layouts().get(plain(spec)):
        return Official(layout, location(layout.name))
    if Path(spec).is_dir():
        return Folder(Path(spec))
    if plain(spec) == "folder":
        raise DataError("--images folder: name the directory itself, as in --images path/to/photos")
    raise _unknown(spec, f"and there is no directory {spec}")


def check_photos(spec: str) -> None:
    """Raise what `open_photos` would raise, as far as that is seen without listing all photos."""
    layout = None if is_path(spec) or plain(spec) == "sample" else _layouts().get(plain(spec))
    if layout and is_here(layout, location(layout.name)):
        return
    root = expanded(spec)
    if not layout and plain(spec) != "sample" and (is_path(spec) or root.is_dir()):
        check_directory(root)
        if not own_folder_around(root) and any(
            path.suffix.lower() in IMAGE_SUFFIXES for path in files_below(root, [], [])
        ):
            return
    open_photos(spec)


def find_layout(name: str) -> Layout:
    """The published data set of that name, forgivingly spelt.

    Raises UnknownNameError with near matches, DataError for the built-in one.
    """
    if plain(name) == "sample":
        raise DataError("sample: it is built in, nothing has to be prepared")
    if layout := _layouts().get(plain(name)):
        return layout
    raise _unknown(name, "")


def dataset_cards() -> list[DatasetCard]:
    """All data sets; nothing is read but what tells whether they are here."""
    shipped = all(source.path() for source in SOURCES)
    cards = [
        DatasetCard(Sample.name, Sample.title, Sample.licence, "", "", "built in", shipped),
        DatasetCard("folder", "any directory of photos", "your own", "", "", "--images DIRECTORY", True),
    ]
    for layout in LAYOUTS:
        place = location(layout.name)
        here = is_here(layout, place)
        cards.append(DatasetCard(layout.name, layout.title, layout.licence, layout.paper, layout.url, str(place), here))
    return cards


def _layouts() -> dict[str, Layout]:
    return {plain(name): layout for layout in LAYOUTS for name in (layout.name, *layout.aliases)}


def _unknown(spec: str, also: str) -> UnknownNameError:
    known = {"sample": "sample", **{key: layout.name for key, layout in _layouts().items()}}
    nearest = dict.fromkeys(known[key] for key in difflib.get_close_matches(plain(spec), known, n=3, cutoff=0.5))
    hint = (
        f"did you mean {' or '.join(nearest)}?" if nearest else f"there are {', '.join(dict.fromkeys(known.values()))}"
    )
    message = f"no data set is called '{spec}'{', ' + also if also else ''}; {hint} (safebench list datasets)"
    return UnknownNameError(message)
