"""The parts of tables: rows as arrays, the cells they fall into, what is computed of each cell and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.rates import share_interval
from safebench.metrics.score import SCORE
from safebench.metrics.uncertainty import UNDEFINED, Controls, Interval, Means, Statistic, intervals
from safebench.protocol import ORIGINAL
from safebench.results.features import FeatureFiles

Values = NDArray[np.float64]
Places = NDArray[np.intp]
Record = dict[str, Any]

ALL_BINS = "all"
"""The cell of all bins together; it sorts after the bins' names, which sort as the protocol lists them."""

COUNTS = ("n", "photos", "failures", "left_out")


@dataclass(frozen=True)
class Rows:
    """Sorted rows as arrays: their keys, which failed, the photo of each, and the values by stored column.

    source: the rows themselves, where what they left behind has to be found.
    """

    keys: pd.DataFrame
    failed: NDArray[np.bool_]
    photo: Places
    values: Values
    columns: tuple[str, ...]
    source: pd.DataFrame

    @classmethod
    def of(cls, table: pd.DataFrame, keys: list[str], columns: Iterable[str], whole: bool = False) -> Rows:
        """Of stored rows; `whole` keeps more of them than what means need."""
        columns = tuple(dict.fromkeys(columns))
        named = dict.fromkeys([*keys, "photo", "sample", "error", *columns])
        rows = table if whole else table[list(named)]
        rows = rows.sort_values([*keys, "photo", "sample"], kind="stable", ignore_index=True)
        photo, _ = pd.factorize(rows["photo"], sort=True)
        values = rows[list(columns)].to_numpy(dtype=np.float64)
        return cls(rows[keys], failed_rows(rows), photo, values, columns, rows if whole else rows[:0])

    def column(self, metric: Metric) -> Values:
        """The stored values that a metric is taken from."""
        return self.values[:, self.columns.index(metric.column)]


@dataclass(frozen=True)
class Cell:
    """A cell: its key, the places of its rows that went well, of how many photos they are, and how many failed."""

    key: tuple[str, ...]
    good: Places
    photos: int
    failures: int

    def counts(self) -> Record:
        """As columns."""
        return {"n": self.good.size, "photos": self.photos, "failures": self.failures}


def failed_rows(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which of them failed."""
    return (rows["error"].fillna("") != "").to_numpy(dtype=bool)


def cells_of(rows: Rows, keys: list[str]) -> list[Cell]:
    """The cells in the order of their keys; where `bin` is a key, also each one over all bins."""
    frames = [rows.keys]
    if "bin" in keys:
        frames.append(rows.keys.assign(bin=ALL_BINS))
    cells = []
    for frame in frames:
        places_of: dict[Any, Any] = frame.groupby(keys).indices
        for key, places in places_of.items():
            failed = rows.failed[places]
            good = places[~failed]
            whole = key if isinstance(key, tuple) else (key,)  # pandas gives one alone as it is
            cells.append(Cell(whole, good, np.unique(rows.photo[good]).size, int(failed.sum())))
    return sorted(cells, key=lambda cell: cell.key)


def split(cells: list[Cell]) -> tuple[dict[tuple[str, ...], Cell], list[Cell]]:
    """The originals' cells by dataset, postprocess and detector, and the cells of the inpainters."""
    originals = {controlled_by(c): c for c in cells if c.key[1] == ORIGINAL and c.key[-1] == ALL_BINS}
    return originals, [c for c in cells if c.key[1] != ORIGINAL]


def controlled_by(cell: Cell) -> tuple[str, ...]:
    """The dataset, postprocess and detector that a cell shares with its originals."""
    dataset, _, _, postprocess, detector, _ = cell.key
    return dataset, postprocess, detector


def pictures_of(
    table: pd.DataFrame, metrics: Sequence[Metric], subjects: tuple[str, ...], over: str = "inpainted"
) -> list[Metric]:
    """The metrics of single pictures that a table holds.

    One that not every run has, and of which this one has no value, is left out.
    """
    return [
        m
        for m in metrics
        if m.level == "picture"
        and m.subject in subjects
        and m.over == over
        and m.column in table
        and (m.everywhere or table[m.column].notna().any())
    ]


def means(rows: Rows, cells: list[Cell], pictures: Sequence[Metric]) -> list[Record]:
    """For each cell the mean and the interval of each metric."""
    both_ends = intervals([Means(rows.values[cell.good], rows.photo[cell.good]) for cell in cells])
    places = [rows.columns.index(metric.column) for metric in pictures]
    records = []
    for cell, ends in zip(cells, both_ends, strict=True):
        values = rows.values[cell.good]
        record: Record = {}
        for metric, place in zip(pictures, places, strict=True):
            value = mean(values[:, place])
            record |= _estimate(metric.key, value, _of_share(metric, value, ends[place], cell.photos))
        records.append(record)
    return records


def without_value(rows: Rows, cell: Cell, pictures: Sequence[Metric]) -> Record:
    """How many pictures of a cell have no finite value, for each metric that counts them."""
    tests = {"infinite": np.isinf, "undefined": np.isnan}
    return {m.count_column: int(tests[m.undefined](rows.column(m)[cell.good]).sum()) for m in pictures if m.undefined}


def evidence_of(
    rows: Rows, cells: Sequence[Cell], originals: Mapping[tuple[str, ...], Cell], features: FeatureFiles | None
) -> list[CellEvidence]:
    """What the metrics over cells rest on; cells of one detector share its originals."""
    score = rows.column(SCORE) if SCORE.column in rows.columns else np.full(rows.photo.size, math.nan)
    controls = {key: Controls(score[cell.good], rows.photo[cell.good]) for key, cell in originals.items()}
    none = Controls(score[:0], rows.photo[:0])
    return [
        CellEvidence(
            score[cell.good],
            rows.photo[cell.good],
            controls.get(controlled_by(cell), none) if controls else none,
            features.of(rows.source.iloc[cell.good]) if features else {},
        )
        for cell in cells
    ]


def together(evidence: Sequence[CellEvidence], metrics: Sequence[Metric]) -> list[Record]:
    """The metrics over each cell, NaN where what one needs is missing; a statistic of several is resampled once."""
    usable = [[m for m in metrics if m.needs <= cell.held] for cell in evidence]
    sources = [[(m, *m.resample(cell)) for m in own if m.resample] for cell, own in zip(evidence, usable, strict=True)]
    statistics: dict[int, Statistic] = {id(s): s for of_cell in sources for _, s, _ in of_cell}
    ends = dict(zip(statistics, intervals(list(statistics.values())), strict=True))
    records = []
    for cell, own, of_cell in zip(evidence, usable, sources, strict=True):
        bounds = {metric.key: ends[id(statistic)][place] for metric, statistic, place in of_cell}
        photos = [np.unique(photos).size for photos in (cell.photos, cell.controls.photos)]
        record: Record = {}
        for metric in metrics:
            value = metric.compute(cell) if metric in own else math.nan
            interval = _of_share(metric, value, bounds.get(metric.key, UNDEFINED), *photos)
            record |= _estimate(metric.key, value, interval)
        records.append(record)
    return records


def with_values(metrics: Sequence[Metric], records: Sequence[Record]) -> list[Metric]:
    """The metrics over cells without those that not every run has, and of which no cell has a value."""
    return [m for m in metrics if m.everywhere or any(not math.isnan(record[m.key]) for record in records)]


def _of_share(metric: Metric, value: float, resampled: Interval, photos: int, controls: int = 0) -> Interval:
    """The interval of a value; that of a share, over so many photos and those of originals, where it is one."""
    if metric.share == "pictures":
        return share_interval(value, photos, resampled)
    if metric.share == "pairs" and value in (0.0, 1.0):  # no resample can leave it: over the fewer photos of the two
        return share_interval(value, min(photos, controls), resampled)
    return resampled


def mean(values: Values) -> float:
    """Mean of the finite values, NaN where there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def columns_of(metric: Metric) -> list[str]:
    """The columns of a metric's value and of its interval."""
    return [metric.key, f"{metric.key}_low", f"{metric.key}_high"] if metric.interval else [metric.key]


def _estimate(name: str, value: float, interval: Interval) -> Record:
    return {name: value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def as_table(
    cells: list[Cell], records: list[Record], keys: list[str], columns: list[str], metrics: Sequence[Metric]
) -> pd.DataFrame:
    """One row a cell; of the records' entries only `columns`, each with the same type however few rows there are."""
    counts = {*COUNTS, *(metric.count_column for metric in metrics)}
    kinds: dict[str, type] = {"inverted": bool, **dict.fromkeys(counts, int)}
    types: dict[str, type] = dict.fromkeys(keys, str) | {name: kinds.get(name, float) for name in columns}
    named = [dict(zip(keys, cell.key, strict=True)) | record for cell, record in zip(cells, records, strict=True)]
    return pd.DataFrame(named, columns=list(types)).astype(types)
