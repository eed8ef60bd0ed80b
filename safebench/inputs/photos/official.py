"""Data sets as their publishers lay them out: which photos of the folder are the ones that papers report on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safebench.errors import DataError
from safebench.inputs.photos.sets import FilePhoto, Photo


@dataclass(frozen=True)
class Layout:
    """What a publisher's data set looks like on disk.

    Its photos lie in the first of `folders` (relative to the set's own) that holds names like `pattern`.  Where the
    publisher gives a list of the split, the photos are those whose line `chosen` picks, and lie in the first of
    `lists` that is there; `list_md5` is that of the published list.
    """

    name: str
    aliases: tuple[str, ...]
    title: str
    licence: str
    paper: str
    url: str
    how_to_get: str
    split: str
    count: int
    folders: tuple[str, ...]
    pattern: str
    lists: tuple[str, ...] = ()
    list_md5: str = ""
    list_needed: bool = False
    chosen: Callable[[list[str]], bool] = lambda _: True


PLACES2 = Layout(
    name="places2",
    aliases=("places", "places365"),
    title="Places2 (Places365-Standard), validation photos",
    licence="non-commercial research and education, not to be handed on",
    paper="Zhou et al., Places: A 10 Million Image Database for Scene Recognition, TPAMI 2018",
    url="http://places2.csail.mit.edu/download.html",
    how_to_get="`safebench data prepare places2` downloads it",
    split="validation",
    count=36_500,
    folders=("val_256", "val_large", "."),
    pattern=r"Places365_val_\d{8}\.jpg",
    lists=("places365_val.txt", "filelist_places365-standard/places365_val.txt"),
    list_md5="e9f2fd57bfd9d07630173f4e8708e4b1",
)
PARIS = Layout(
    name="paris-streetview",
    aliases=("paris", "psv", "paris-street-view"),
    title="Paris StreetView, evaluation photos",
    licence="on request from its authors, for research",
    paper="Pathak et al., Context Encoders: Feature Learning by Inpainting, CVPR 2016",
    url="https://github.com/pathak22/context-encoder#6-paris-street-view-dataset",
    how_to_get="its authors share it when asked by e-mail (see the address)",
    split="evaluation",
    count=100,
    folders=("paris_eval_gt", "paris_eval/paris_eval_gt", "."),
    pattern=r"\d{3}_im\.png",
)
CELEBA = Layout(
    name="celeba",
    aliases=("celeb-a",),
    title="CelebA, aligned and cropped, test photos",
    licence="non-commercial research, under the publisher's agreement",
    paper="Liu et al., Deep Learning Face Attributes in the Wild, ICCV 2015",
    url="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    how_to_get="its publisher gives img_align_celeba.zip and list_eval_partition.txt to those who accept its agreement",
    split="test",
    count=19_962,
    folders=("img_align_celeba", "Img/img_align_celeba", "img_align_celeba/img_align_celeba"),
    pattern=r"\d{6}\.jpg",
    lists=("list_eval_partition.txt", "Eval/list_eval_partition.txt"),
    list_md5="d32c9cbf5e040fd4025c592c306e6668",
    list_needed=True,
    chosen=lambda fields: fields[1:] == ["2"],
)
LAYOUTS = (PLACES2, PARIS, CELEBA)


class Official:
    """A data set in its publisher's layout, complete or in part."""

    left_out: Sequence[str] = ()
    independent: int | None = None

    def __init__(self, layout: Layout, root: Path) -> None:
        """Look at what lies in `root`; raises DataError, with where to get it, where the set is not there."""
        self.layout = layout
        self.root = root
        self.name, self.title, self.licence = layout.name, layout.title, layout.licence
        self.folder, here, self.ignored = _images(layout, root)
        self.list = next((path for name in layout.lists if (path := root / name).is_file()), None)
        listed = self._listed()
        names = sorted(here if listed is None else here & listed)
        if not names:
            raise DataError(f"{self.folder}: none of its photos belongs to the {layout.split} split of {self.name}")
        self._photos: list[Photo] = [FilePhoto(name, self.folder / name) for name in names]
        self.complete = len(names) == layout.count
        self.note = f"{len(names):,} of the {layout.count:,} photos of the {layout.split} split"
        if layout.lists and listed is None:
            self.note += f", told by their names: {layout.lists[0]} is not there"

    def photos(self) -> list[Photo]:
        """The photos of the split that are there, sorted by name."""
        return self._photos

    def _listed(self) -> set[str] | None:
        """The names that the publisher's list puts in the split; None where there is no list and none is needed."""
        layout = self.layout
        if self.list is None:
            if layout.list_needed:
                raise DataError(
                    f"{self.root}: {layout.lists[0]} is missing, which says which photos are the {layout.split} split "
                    f"of {layout.name}; get it from {layout.url}"
                )
            return None
        try:
            lines = [line.split() for line in self.list.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self.list}: it cannot be read as the list of {layout.name} ({error})") from None
        wrong = next((line for line in lines if not re.fullmatch(layout.pattern, line[0]) or len(line) != 2), None)
        if wrong is not None:
            raise DataError(f"{self.list}: '{' '.join(wrong)[:60]}' is no line of the list of {layout.name}")
        return {line[0] for line in lines if layout.chosen(line)}


def is_here(layout: Layout, root: Path) -> bool:
    """Whether a photo of the set lies in `root`."""
    like = re.compile(layout.pattern)
    folders = (root / name for name in layout.folders)
    return any(like.fullmatch(path.name) for folder in folders if folder.is_dir() for path in folder.iterdir())


def _images(layout: Layout, root: Path) -> tuple[Path, set[str], int]:
    """The folder that holds the set's photos, their names, and how many other files lie there."""
    like = re.compile(layout.pattern)
    for name in layout.folders:
        folder = root / name
        files = [path.name for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
        photos = {file for file in files if like.fullmatch(file)}
        if photos:
            return folder, photos, len(files) - len(photos)
    raise DataError(
        f"{layout.name}: its photos ({layout.folders[0]}/) are not in {root}; {layout.how_to_get} ({layout.url}), and "
        f"`safebench data prepare {layout.name} --from DIRECTORY` says where it lies"
    )
