"""An exported folder from Python: pictures as arrays, answers as arrays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ExchangeError
from safebench.exchange.finding import ANSWERS, MANIFEST, find_answers, read_manifest, read_scores
from safebench.files import atomic_write
from safebench.inputs.images import read_mask, read_photo, save_png


@dataclass(frozen=True)
class ExportedPicture:
    """A picture that waits for an answer.

    name: under which the answer is looked for.  file: the picture.  mask_file: the hole, for inpainters.
    about: what the manifest says of it.
    """

    name: str
    file: Path
    mask_file: Path | None
    about: dict[str, str]
    white_hole: bool = True

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """H x W x 3, RGB; for inpainters the hole is black."""
        return read_photo(self.file)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """H x W, True = hole; raises ExchangeError where the pictures are for detectors."""
        if self.mask_file is None:
            raise ExchangeError(f"{self.name}: was exported for detectors, which are not told the hole")
        white = read_mask(self.mask_file)
        return white if self.white_hole else ~white


class ExportedFolder:
    """What `safebench.export` wrote: iterate over its pictures, `put` an answer to each, then run `files:FOLDER`.

    Raises ExchangeError where the folder is none of this format.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        said = read_manifest(self.folder / MANIFEST)
        self.kind: str = said["for"]
        self._white = said.get("hole", "white") == "white"
        self._rows: list[dict[str, str]] = said["pictures"]
        self._sizes = {row["name"]: row for row in self._rows}

    @property
    def answers(self) -> Path:
        """Where the answers lie."""
        return self.folder / ANSWERS[self.kind]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[ExportedPicture]:
        for row in self._rows:
            image = self.folder / (row.get("image") or row["picture"])
            mask = self.folder / row["mask"] if "mask" in row else None
            yield ExportedPicture(row["name"], image, mask, row, self._white)

    def missing(self) -> list[str]:
        """The names of the pictures that have no answer yet."""
        there = find_answers(self.answers)
        return [name for name in self._sizes if name not in there]

    def put(self, name: str, answer: NDArray[Any], score: float | None = None) -> Path:
        """Keep the answer to a picture; one that was there is replaced.

        answer: for inpainters uint8 H x W x 3; for detectors floating-point H x W in [0, 1], bright where something
        was inpainted.  score: a detector's, in [0, 1].  Returns its file.  Raises ExchangeError for an unknown name
        and for another kind of array.
        """
        if name not in self._sizes:
            raise ExchangeError(f"{self.folder}: sent out no picture called {name}")
        for old in [path for other, path in find_answers(self.answers).items() if other == name]:
            old.unlink()
        if self.kind == "inpainters":
            if answer.dtype != np.uint8 or answer.ndim != 3 or answer.shape[2] != 3:
                raise ExchangeError(f"{name}: a filled picture is uint8 H x W x 3, not {answer.dtype} {answer.shape}")
            file = self.answers / f"{name}.png"
            save_png(file, answer)
            return file
        if answer.dtype.kind != "f" or answer.ndim != 2:
            raise ExchangeError(f"{name}: a map is floating-point H x W, not {answer.dtype} {answer.shape}")
        data = io.BytesIO()
        np.save(data, answer.astype(np.float32))
        file = self.answers / f"{name}.npy"
        atomic_write(file, data.getvalue())
        if score is not None:
            self._put_score(name, score)
        return file

    def _put_score(self, name: str, score: float) -> None:
        file = self.answers / "scores.csv"
        scores = {**(read_scores(file) if file.is_file() else {}), name: score}
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([("name", "score"), *scores.items()])
        atomic_write(file, text.getvalue().encode())
