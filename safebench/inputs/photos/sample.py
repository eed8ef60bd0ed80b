"""The built-in data set: crops of the colour photos that scikit-image and scikit-learn ship in their packages."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from safebench.errors import DataError
from safebench.inputs.photos.sets import Photo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 256


@dataclass(frozen=True)
class Source:
    """A photo that a package ships: where it lies, its terms as the package states them, and the crops' corners."""

    name: str
    package: str
    file: str
    licence: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    def path(self) -> Path | None:
        """Where the photo lies on this machine, found without importing the package; None where it does not."""
        spec = importlib.util.find_spec(self.package)
        path = Path(spec.origin).parent / self.file if spec and spec.origin else None
        return path if path and path.is_file() else None


# The corners spread the crops over each photo: no two overlap by more than half, most by a third or not at all.
SOURCES = (
    Source("astronaut", "skimage", "data/astronaut.png", "public domain (NASA)", (0, 256), (0, 256)),
    Source("chelsea", "skimage", "data/chelsea.png", "CC0 (Stefan van der Walt)", (22,), (0, 195)),
    Source("china", "sklearn", "datasets/images/china.jpg", "CC BY 2.0 (danielbuechele)", (0, 171), (0, 192, 384)),
    Source("coffee", "skimage", "data/coffee.png", "CC0 (Rachel Michetti)", (0, 144), (0, 344)),
    Source("flower", "sklearn", "datasets/images/flower.jpg", "CC BY 2.0 (vultilion)", (0, 171), (0, 192, 384)),
    Source("rocket", "skimage", "data/rocket.jpg", "public domain (SpaceX)", (0, 171), (0, 192, 384)),
)


@dataclass(frozen=True)
class Crop:
    """256 x 256 pixels of a shipped photo, as they are; `name` as in `Photo`."""

    name: str
    source: Source
    top: int
    left: int

    def fingerprint(self) -> str:
        """sha256 of the crop's pixels; raises DataError where the photo is missing."""
        return hashlib.sha256(self.load().tobytes()).hexdigest()

    def load(self) -> NDArray[np.uint8]:
        """The pixels: uint8 256 x 256 x 3; raises DataError where the photo is missing, ImageError if damaged."""
        photo = _read(self.source)
        return photo[self.top : self.top + SIDE, self.left : self.left + SIDE].copy()


class Sample:
    """28 crops of 6 photos, at their own resolution."""

    name = "sample"
    title = "28 crops of photos that scikit-image and scikit-learn ship"
    licence = "; ".join(f"{source.name}: {source.licence}" for source in SOURCES)
    note = (
        "28 crops of 6 photos, for trying things out: crops of one photo resemble one another, "
        "so the intervals are narrower than those of 28 independent photos would be"
    )
    ignored = 0
    independent: int | None = len(SOURCES)
    left_out: Sequence[str] = ()

    def photos(self) -> list[Photo]:
        """All crops, sorted by name."""
        crops = [
            Crop(f"{source.name}-y{top:03d}-x{left:03d}", source, top, left)
            for source in SOURCES
            for top in source.rows
            for left in source.columns
        ]
        return sorted(crops, key=lambda crop: crop.name)


@cache
def _read(source: Source) -> NDArray[np.uint8]:
    from safebench.inputs.images import read_photo

    path = source.path()
    if path is None:
        raise DataError(f"sample: {source.package}/{source.file} is missing; reinstall the package {source.package}")
    return read_photo(path)
