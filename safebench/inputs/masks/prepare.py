"""Getting NVIDIA's masks: downloads them, or checks the user's; measures them once; remembers where they lie."""

from __future__ import annotations

from pathlib import Path

from safebench.errors import DataError
from safebench.inputs.masks.nvidia import FOLDER, LICENCE, PAGE, Nvidia, official_masks
from safebench.inputs.photos.locations import data_folder, record
from safebench.inputs.photos.prepare import Agreed, check_agreed
from safebench.protocol import SIZE
from safebench.weights.fetch import downloads, transfers

URL = "https://www.dropbox.com/s/01dfayns9s0kevy/test_mask.zip?dl=1"
"""The address of test_mask.zip on the data set's page, as a direct download; no checksum of it is published."""


def prepare_nvidia(source: Path | None, agreed: Agreed) -> list[str]:
    """Make the masks ready, and say what was found: one line for each thing.

    With `source`, what lies there is checked and its place remembered; without, test_mask.zip is downloaded unless the
    masks are there already; it is read as it is, without unpacking.  Raises DataError where the terms are not agreed
    to or what lies there are not NVIDIA's masks, and DownloadError.
    """
    if source is not None:
        masks = official_masks(source.expanduser())
        record(FOLDER, source.expanduser())
        return _described(masks)
    try:
        return [*_described(official_masks()), "nothing had to be downloaded"]
    except DataError:
        place = data_folder() / FOLDER
        if (place / "test_mask.zip").exists():
            raise
    check_agreed("nvidia", LICENCE, PAGE, agreed)
    with transfers.shown("nvidia: test_mask.zip") as progress:
        downloads.download(URL, place / "test_mask.zip", progress=progress)
    masks = official_masks(place)
    record(FOLDER, place)
    return _described(masks)


def _described(masks: Nvidia) -> list[str]:
    bins = masks.index(SIZE)
    counts = ", ".join(f"{hole_bin.name}: {len(names):,}" for hole_bin, names in bins.items())
    lines = [
        f"nvidia: {masks.note}, in {masks.root}",
        f"in the bins at {SIZE} pixels: {counts}; in none: {masks.outside}",
    ]
    return [*lines, *masks.problems]
