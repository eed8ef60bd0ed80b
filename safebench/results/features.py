"""What pictures left behind for metrics over cells, found in a run's folder and read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safebench.errors import StoreError
from safebench.metrics.feature import Feature, decoded
from safebench.metrics.metric import Metric
from safebench.runs.store import Store


class FeatureFiles:
    """The features of a run's pictures, or of those of several runs together.

    metrics: those that say which features.  stores: the runs' folders by the rows' column `run`, or one under "".
    originals: of each photo, the path of its original in the run's folder.
    """

    def __init__(self, metrics: Sequence[Metric], stores: Mapping[str, Store], originals: Mapping[str, str]) -> None:
        self._features = {m.feature.name: m.feature for m in metrics if m.feature}
        self._stores = stores
        self._originals = originals

    def of(self, rows: pd.DataFrame) -> dict[str, FilesOfCell]:
        """By name those that every row left behind; rows of the one table or of the other."""
        kind = "map" if "detector" in rows else "composite"
        files_of = {}
        for name, feature in self._features.items():
            if feature.of == kind and len(rows):
                files = FilesOfCell(self._pictures(feature, rows), self._photos(feature, rows))
                if all(path.is_file() for path in (*files.pictures, *files.originals)):
                    files_of[name] = files
        return files_of

    def _pictures(self, feature: Feature, rows: pd.DataFrame) -> list[Path]:
        column = rows["key"] if feature.of == "map" else rows["composite"]
        runs = rows["run"] if "run" in rows else [""] * len(rows)
        return [self._stores[run].feature(feature.name, of) for run, of in zip(runs, column, strict=True)]

    def _photos(self, feature: Feature, rows: pd.DataFrame) -> list[Path]:
        """Of the originals, in the order of the photos; the first run that holds a photo's serves all."""
        if feature.of == "map":
            return []
        paths = []
        for photo in sorted(set(rows["photo"])):
            held = [store.feature(feature.name, self._originals[photo]) for store in self._stores.values()]
            paths.append(next((path for path in held if path.is_file()), held[0]))
        return paths


@dataclass(frozen=True)
class FilesOfCell:
    """One feature of a cell; see `safebench.metrics.evidence.StoredFeature`."""

    pictures: Sequence[Path]
    originals: Sequence[Path]

    def of_pictures(self) -> Iterator[NDArray[Any]]:
        """See `StoredFeature`; raises StoreError where a file is damaged."""
        return map(_read, self.pictures)

    def of_originals(self) -> Iterator[NDArray[Any]]:
        """See `StoredFeature`."""
        return map(_read, self.originals)

    @cached_property
    def total(self) -> NDArray[Any]:
        """See `StoredFeature`; of whole numbers without overflow."""
        pictures = self.of_pictures()
        first = next(pictures)
        total = first.astype(np.int64 if first.dtype.kind in "iu" else np.float64)
        for other in pictures:
            total += other
        return total


def _read(path: Path) -> NDArray[Any]:
    try:
        return decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: {error}; remove it and run again, it is made anew") from None
