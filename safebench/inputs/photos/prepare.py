"""Getting data sets: downloads what may be downloaded, checks what the user has, remembers where it lies."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from safebench.errors import DataError
from safebench.inputs.photos.locations import data_folder, location, record
from safebench.inputs.photos.official import PLACES2, Layout, Official
from safebench.weights.fetch import downloads, transfers

PLACES2_URL = "http://data.csail.mit.edu/places/places365/"
"""Where the publisher offers the files; their md5 are those that torchvision states."""

_VAL_256 = ("val_256.tar", "e27b17d8d44f4af9a78502beb927f808")
_LISTS = ("filelist_places365-standard.tar", "35a0585fee1fa656440f3ab298f8479c")
_LARGEST_MEMBER = 256 << 20

Agreed = Callable[[str, str], bool]
"""Asked for a data set's name and terms: whether the user agrees to them."""


def prepare(layout: Layout, source: Path | None, agreed: Agreed) -> list[str]:
    """Make a data set ready, and say what it holds: one line for each thing found.

    With `source`, what lies there is checked and its place remembered; without, the data set is downloaded where its
    publisher allows that.  Raises DataError where it is not, where terms are not agreed to, and where what lies in the
    folder is not the data set; DownloadError.
    """
    if source is not None:
        return _recorded(layout, source)
    place, own = location(layout.name), data_folder() / layout.name
    try:
        official = Official(layout, place)
    except DataError:
        if layout is not PLACES2:
            raise
    else:
        if place != own or layout is not PLACES2 or official.complete:
            return [*_described(official), "nothing had to be downloaded"]
    check_agreed(layout.name, layout.licence, layout.url, agreed)
    _download_places2(own)
    return _recorded(layout, own)


def check_agreed(name: str, terms: str, url: str, agreed: Agreed) -> None:
    """Raises DataError where the user has not agreed to the terms of what is to be downloaded."""
    if not agreed(name, f"{terms} ({url})"):
        raise DataError(
            f"{name}: its terms are: {terms} ({url}); to download it, agree to them by adding --accept-licence"
        )


def _recorded(layout: Layout, source: Path) -> list[str]:
    official = Official(layout, source.expanduser())
    record(layout.name, source.expanduser())
    return _described(official)


def _described(official: Official) -> list[str]:
    lines = [f"{official.name}: {official.note}, in {official.folder}"]
    if official.list is not None:
        same = downloads.digest(official.list, "md5") == official.layout.list_md5
        lines.append(f"{official.list}: {'the published list' if same else 'NOT the published list: its md5 differs'}")
    if official.ignored:
        lines.append(f"{official.ignored:,} other files there are left alone")
    return lines


def _download_places2(root: Path) -> None:
    """The validation photos at 256 x 256, and the list of their names."""
    if not (root / PLACES2.lists[0]).exists():
        _fetch_and_unpack(root, _LISTS, root, re.escape(PLACES2.lists[0]))
    _fetch_and_unpack(root, _VAL_256, root / "val_256", PLACES2.pattern)


def _fetch_and_unpack(root: Path, archive: tuple[str, str], folder: Path, pattern: str) -> None:
    name, md5 = archive
    target = root / name
    if not target.exists():
        with transfers.shown(f"places2: {name}") as progress:
            downloads.download(PLACES2_URL + name, target, md5=md5, progress=progress)
    unpack(target, folder, pattern)
    target.unlink()


def unpack(archive: Path, folder: Path, pattern: str) -> None:
    """Put the files of a tar archive whose names match `pattern` into `folder`, whatever paths the archive gives them.

    Links, devices and everything else are left out.  The files get their names once all are unpacked.  Raises
    DataError where the archive is damaged or holds no such file.
    """
    like = re.compile(pattern)
    unfinished = folder / f".{archive.name}.unpacking"
    shutil.rmtree(unfinished, ignore_errors=True)
    with downloads.no_room(unfinished / "any"):
        unfinished.mkdir(parents=True)
        try:
            with tarfile.open(archive, "r:") as tar:
                for member in tar:
                    name = member.name.replace("\\", "/").rpartition("/")[2]
                    stream = tar.extractfile(member) if member.isreg() and like.fullmatch(name) else None
                    if stream is not None and member.size <= _LARGEST_MEMBER:
                        with (unfinished / name).open("wb") as copy:
                            shutil.copyfileobj(stream, copy)
        except tarfile.TarError as error:
            raise DataError(f"{archive}: it is damaged ({error}); delete it and try again") from None
    files = list(unfinished.iterdir())
    if not files:
        raise DataError(f"{archive}: there is nothing in it that is called like {pattern}")
    for file in files:
        file.replace(folder / file.name)
    unfinished.rmdir()
