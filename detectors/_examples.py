"""Training pictures for detectors: filled on the fly, from the folders of finished runs, drawn anew, or untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safebench import load_inpainter
from safebench.errors import ConfigError
from safebench.inputs.images import read_mask, read_photo
from safebench.models.calling import composite, inpaint
from safebench.models.contracts import Inpainter
from safebench.runs.store import Store

from ._histories import Image
from ._resynthesis import recompressed, resynthesise, varied

Hole = NDArray[np.bool_]


class Fillers:
    """Inpainters by name, on the CPU, each loaded where it is first needed: a process of the loader loads its own."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._loaded: dict[str, Inpainter] = {}

    def fill(self, name: str, photo: Image, hole: Hole, rng: np.random.Generator) -> Image:
        """The 8-bit composite, H x W x 3; the inpainter's own draws follow `rng` too."""
        if name not in self._loaded:
            self._loaded[name] = load_inpainter(name, device="cpu")
        inpainter = self._loaded[name]
        inpainter.seed = int(rng.integers(2**31))
        return composite(photo[None], hole[None], inpaint(inpainter, photo[None], hole[None]))[0]


@dataclass(frozen=True)
class Finished:
    """The composites of finished runs: what `safebench run` left in its folders."""

    folders: tuple[str, ...]

    @cached_property
    def pairs(self) -> list[tuple[Path, Path]]:
        """Composite and mask of every sample that was filled without an error.

        Raises ConfigError for a folder that holds none.
        """
        found: list[tuple[Path, Path]] = []
        for name in self.folders:
            store = Store(Path(name).expanduser())
            samples = store.read_samples()
            masks: dict[str, str] = dict(zip(samples["sample"], samples["mask"], strict=True))
            rows = store.read("quality")
            rows = rows[(rows["error"] == "") & rows["sample"].isin(list(masks))].sort_values("composite")
            paths = zip(rows["composite"], rows["sample"], strict=True)
            pairs = [(store.folder / file, store.folder / masks[sample]) for file, sample in paths]
            if not pairs:
                raise ConfigError(
                    f"composites: {name} holds none; make them with: safebench run --inpainter NAME --out {name}"
                )
            found += pairs
        return found

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[Image, Hole]:
        """A composite and its hole, cropped to height and width `shape` at random, mirrored every other time.

        Of four crops the first is taken that cuts the hole.  Raises ConfigError where the run's pictures are smaller.
        """
        files = self.pairs[rng.integers(len(self.pairs))]
        image, hole = read_photo(files[0]), read_mask(files[1])
        if min(np.subtract(hole.shape, shape[:2])) < 0:
            raise ConfigError(
                f"composites: {files[0]} has {hole.shape[1]}x{hole.shape[0]} pixels, the training's resolution is "
                f"{shape[1]}x{shape[0]}; choose a smaller --resolution"
            )
        for _ in range(4):
            top, left = (int(rng.integers(have - want + 1)) for have, want in zip(hole.shape, shape[:2], strict=True))
            window = np.s_[top : top + shape[0], left : left + shape[1]]
            if hole[window].any() and not hole[window].all():
                break
        turn = 1 if rng.random() < 0.5 else -1
        return image[window][:, ::turn], hole[window][:, ::turn]


@dataclass(frozen=True)
class Mixture:
    """What a training picture may be.

    untouched: share of untouched photos; drawn_anew: share of the others whose hole is drawn anew (`_resynthesis`); the
    rest is filled by `fillers`, or taken from `finished`, in equal parts for each name and for each folder.
    varied: share of photos that first get another history (`_resynthesis.varied`), whatever is then done to them; those
    of finished runs are as the runs had them.
    recompressed: share of all pictures, untouched ones too, that are compressed at the end (`_resynthesis`).
    """

    fillers: Fillers
    finished: Finished
    untouched: float
    drawn_anew: float
    varied: float = 0.0
    recompressed: float = 0.0

    def draw(self, photo: Image, hole: Hole, rng: np.random.Generator) -> tuple[Image, Hole]:
        """A picture, uint8 H x W x 3, and where it was filled; `hole` and `photo` as the engine gives them."""
        picture, filled = self._draw(photo, hole, rng)
        if self.recompressed and rng.random() < self.recompressed:
            picture = recompressed(picture, rng)
        return picture, filled

    def _draw(self, photo: Image, hole: Hole, rng: np.random.Generator) -> tuple[Image, Hole]:
        """As it is before the compression at the end."""
        if rng.random() < self.varied:
            photo = varied(photo, rng)
        if rng.random() < self.untouched:
            return photo, np.zeros_like(hole)
        if rng.random() < self.drawn_anew:
            return resynthesise(photo, hole, rng), hole
        names, folders = self.fillers.names, self.finished.folders
        choice = int(rng.integers(len(names) + len(folders)))
        if choice < len(names):
            return self.fillers.fill(names[choice], photo, hole, rng), hole
        return self.finished.draw(hole.shape, rng)
