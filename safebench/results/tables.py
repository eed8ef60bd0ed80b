"""From stored rows, one an image, to the tables that reports show, one row a cell (docs/protocol.md, 3 to 6).

Rows are sorted before anything is summed, so that the order in which they were stored cannot change a digit.
A metric's value stands under its key, its 95% interval under KEY_low and KEY_high, and under KEY_infinite or
KEY_undefined how many pictures have no finite value, where there can be such.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safebench.errors import ConfigError, UnknownNameError
from safebench.metrics.auc import AUC, CHANCE
from safebench.metrics.catalogue import DEFAULT, catalogue
from safebench.metrics.evidence import CellEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.rates import share_interval
from safebench.metrics.score import SCORE
from safebench.metrics.uncertainty import (
    UNDEFINED,
    Controls,
    Difference,
    Interval,
    Means,
    Statistic,
    intervals,
    paired_differences,
)
from safebench.protocol import ORIGINAL

Values = NDArray[np.float64]
Places = NDArray[np.intp]
Record = dict[str, Any]

ALL_BINS = "all"
"""The cell of all bins together; it sorts after the bins' names, which sort as the protocol lists them."""

CHANCE_LOW = 0.45
"""Down to this mean AUC a detector that sees nothing may fall by the photos' chance (docs/protocol.md, 4)."""

COUNTS = ("n", "photos", "failures", "left_out")


@dataclass(frozen=True)
class _Rows:
    """Sorted rows as arrays: their keys, which failed, the photo of each, and the values by stored column."""

    keys: pd.DataFrame
    failed: NDArray[np.bool_]
    photo: Places
    values: Values
    columns: tuple[str, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, keys: list[str], columns: Iterable[str]) -> _Rows:
        columns = tuple(dict.fromkeys(columns))
        told = dict.fromkeys([*keys, "photo", "sample", "error", *columns])
        rows = table[list(told)].sort_values([*keys, "photo", "sample"], kind="stable", ignore_index=True)
        photo, _ = pd.factorize(rows["photo"], sort=True)
        return cls(rows[keys], _failed(rows), photo, rows[list(columns)].to_numpy(dtype=np.float64), columns)

    def column(self, metric: Metric) -> Values:
        """The stored values that a metric is taken from."""
        return self.values[:, self.columns.index(metric.column)]


@dataclass(frozen=True)
class _Cell:
    """A cell: its key, the places of its rows that went well, and how many failed."""

    key: tuple[str, ...]
    good: Places
    failures: int

    def counts(self, rows: _Rows) -> Record:
        return {"n": self.good.size, "photos": np.unique(rows.photo[self.good]).size, "failures": self.failures}


def quality_cells(quality: pd.DataFrame, metrics: Sequence[Metric] = DEFAULT) -> pd.DataFrame:
    """Visual quality for each dataset, inpainter and bin, and for all bins together.

    quality: stored rows (`safebench.runs.schema.columns`).  Columns of the result: dataset, inpainter, bin; n (images
    that went well), photos (they were made from), failures; those of each metric.  A metric that needs a network is
    absent where no row has a value.
    """
    keys = ["dataset", "inpainter", "bin"]
    pictures = _pictures(quality, metrics, ("quality",))
    rows = _Rows.of(quality, keys, [metric.column for metric in pictures])
    cells = _cells(rows, keys)
    records = [
        cell.counts(rows) | found | _without_value(rows, cell, pictures)
        for cell, found in zip(cells, _means(rows, cells, pictures), strict=True)
    ]
    columns = [name for metric in pictures for name in (*_columns(metric), metric.count_column) if name]
    return _table(cells, records, keys, ["n", "photos", "failures", *columns], metrics)


def detection_cells(detection: pd.DataFrame, metrics: Sequence[Metric] = DEFAULT) -> pd.DataFrame:
    """Localisation and detection for each dataset, inpainter, postprocess, detector and bin, and for all bins.

    detection: stored rows (`safebench.runs.schema.columns`); those of the inpainter "original" are the controls.
    Columns of the result: the five keys; n, photos, failures; those of each metric of localisation; inverted (an AUC
    clearly below 0.5: the detector points at the background); those of each metric of detection, and what the
    originals give as a whole.  What needs originals is NaN where there are none.
    """
    keys = ["dataset", "inpainter", "postprocess", "detector", "bin"]
    pictures = _pictures(detection, metrics, ("localisation", "detection"))
    together = [m for m in metrics if m.level == "cell" and m.subject != "quality"]
    rows = _Rows.of(detection, keys, [metric.column for metric in (*pictures, SCORE)])
    originals, cells = _split(_cells(rows, keys))
    records = [
        cell.counts(rows) | found | _without_value(rows, cell, pictures) | of_cell
        for cell, found, of_cell in zip(
            cells,
            _means(rows, cells, pictures),
            _together(_evidence(rows, cells, originals), together),
            strict=True,
        )
    ]
    for record in records:
        record["inverted"] = _inverted(record)
    inpainted = [m for m in (*pictures, *together) if m.over == "inpainted"]
    located = [m for m in inpainted if m.subject == "localisation"]
    columns = [name for metric in located for name in _columns(metric)]
    columns += [*(metric.count_column for metric in located if metric.undefined), "inverted"]
    columns += [name for metric in inpainted if metric.subject == "detection" for name in _columns(metric)]
    columns += [metric.key for metric in together if metric.over == "originals"]
    return _table(cells, records, keys, ["n", "photos", "failures", *columns], metrics)


def false_alarms(detection: pd.DataFrame, metrics: Sequence[Metric] = DEFAULT) -> pd.DataFrame:
    """What each detector says of the untouched originals, for each dataset and postprocess.

    detection: stored rows (`safebench.runs.schema.columns`).  Columns of the result: dataset, postprocess, detector;
    n, failures; those of each metric over originals.
    """
    keys = ["dataset", "postprocess", "detector"]
    pictures = _pictures(detection, metrics, ("localisation", "detection"), "originals")
    together = [m for m in metrics if m.level == "cell" and m.over == "originals"]
    originals = detection[detection["inpainter"] == ORIGINAL]
    rows = _Rows.of(originals, keys, [metric.column for metric in (*pictures, SCORE)])
    cells = _cells(rows, keys)
    score = rows.column(SCORE)
    evidence = [CellEvidence(score[:0], rows.photo[:0], Controls(score[c.good], rows.photo[c.good])) for c in cells]
    records = [
        cell.counts(rows) | found | of_cell
        for cell, found, of_cell in zip(
            cells, _means(rows, cells, pictures), _together(evidence, together), strict=True
        )
    ]
    columns = [name for m in metrics if m in pictures or m in together for name in _columns(m)]
    return _table(cells, records, keys, ["n", "failures", *columns], metrics)


def compare_inpainters(table: pd.DataFrame, a: str, b: str, metric: str) -> pd.DataFrame:
    """Two inpainters on the same samples: paired differences a - b of a metric, cell by cell.

    table: stored rows of quality or of detection.  Columns of the result: dataset (postprocess and detector, of
    detection) and bin; n (samples that both have), photos, left_out (samples for which one of the two failed, is
    missing, or has no finite value); mean_a, mean_b, difference, low, high, p (`paired_difference`).
    Raises UnknownNameError for an inpainter that the rows lack, ConfigError for a metric that they lack.
    """
    comparable = dict.fromkeys(m.column for m in catalogue().values() if m.level == "picture" and m.column in table)
    if metric not in comparable:
        raise ConfigError(f"'{metric}' is no metric of these results; they have {', '.join(comparable)}")
    inpainters = sorted(table["inpainter"].unique())
    for name in (a, b):
        if name not in inpainters:
            raise UnknownNameError(f"'{name}' is no inpainter of these results; they have {', '.join(inpainters)}")
    keys = [key for key in ("dataset", "postprocess", "detector", "bin") if key in table]
    sample = [*keys, "photo", "sample"]
    of_a, of_b = (_finite(table[table["inpainter"] == name], metric, sample) for name in (a, b))
    pairs = of_a.merge(of_b, on=sample, how="outer", suffixes=("_a", "_b"))
    pairs["error"] = np.where(pairs["value_a"].notna() & pairs["value_b"].notna(), "", "left out")
    rows = _Rows.of(pairs, keys, ["value_a", "value_b"])
    cells = _cells(rows, keys)
    both = [rows.values[cell.good].T for cell in cells]
    samples = [(first - second, rows.photo[cell.good]) for cell, (first, second) in zip(cells, both, strict=True)]
    records = [
        cell.counts(rows)
        | {"left_out": cell.failures, "mean_a": _mean(first), "mean_b": _mean(second)}
        | difference._asdict()
        for cell, (first, second), difference in zip(cells, both, paired_differences(samples), strict=True)
    ]
    columns = ["n", "photos", "left_out", "mean_a", "mean_b", *Difference._fields]
    return _table(cells, records, keys, columns, ())


def _finite(rows: pd.DataFrame, metric: str, columns: list[str]) -> pd.DataFrame:
    """The samples of one inpainter, with the metric's value: NaN where it failed or has no finite one."""
    good = ~_failed(rows) & np.isfinite(rows[metric].to_numpy(dtype=np.float64))
    return rows[columns].assign(value=rows[metric].where(good))


def _failed(rows: pd.DataFrame) -> NDArray[np.bool_]:
    return (rows["error"].fillna("") != "").to_numpy(dtype=bool)


def _cells(rows: _Rows, keys: list[str]) -> list[_Cell]:
    """The cells in the order of their keys; where `bin` is a key, also each one over all bins."""
    frames = [rows.keys]
    if "bin" in keys:
        frames.append(rows.keys.assign(bin=ALL_BINS))
    cells = []
    for frame in frames:
        places_of: dict[Any, Any] = frame.groupby(keys).indices
        for key, places in places_of.items():
            failed = rows.failed[places]
            cells.append(_Cell(key, places[~failed], int(failed.sum())))
    return sorted(cells, key=lambda cell: cell.key)


def _split(cells: list[_Cell]) -> tuple[dict[tuple[str, ...], _Cell], list[_Cell]]:
    """The originals' cells by dataset, postprocess and detector, and the cells of the inpainters."""
    originals = {_controlled_by(c): c for c in cells if c.key[1] == ORIGINAL and c.key[-1] == ALL_BINS}
    return originals, [c for c in cells if c.key[1] != ORIGINAL]


def _controlled_by(cell: _Cell) -> tuple[str, ...]:
    dataset, _, postprocess, detector, _ = cell.key
    return dataset, postprocess, detector


def _pictures(
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


def _means(rows: _Rows, cells: list[_Cell], pictures: Sequence[Metric]) -> list[Record]:
    """For each cell the mean and the interval of each metric."""
    found = intervals([Means(rows.values[cell.good], rows.photo[cell.good]) for cell in cells])
    places = [rows.columns.index(metric.column) for metric in pictures]
    records = []
    for cell, ends in zip(cells, found, strict=True):
        values = rows.values[cell.good]
        photos = np.unique(rows.photo[cell.good]).size
        record: Record = {}
        for metric, place in zip(pictures, places, strict=True):
            value = _mean(values[:, place])
            record |= _estimate(metric.key, value, _of_share(metric, value, ends[place], photos, photos))
        records.append(record)
    return records


def _without_value(rows: _Rows, cell: _Cell, pictures: Sequence[Metric]) -> Record:
    """How many pictures of a cell have no finite value, for each metric that counts them."""
    tests = {"infinite": np.isinf, "undefined": np.isnan}
    return {m.count_column: int(tests[m.undefined](rows.column(m)[cell.good]).sum()) for m in pictures if m.undefined}


def _evidence(rows: _Rows, cells: list[_Cell], originals: Mapping[tuple[str, ...], _Cell]) -> list[CellEvidence]:
    """What the metrics over cells rest on; cells of one detector share its originals."""
    score = rows.column(SCORE)
    controls = {key: Controls(score[cell.good], rows.photo[cell.good]) for key, cell in originals.items()}
    none = Controls(score[:0], rows.photo[:0])
    return [CellEvidence(score[c.good], rows.photo[c.good], controls.get(_controlled_by(c), none)) for c in cells]


def _together(evidence: Sequence[CellEvidence], metrics: Sequence[Metric]) -> list[Record]:
    """The metrics over each cell; a statistic that gives several of them is resampled once."""
    sources = [[(m, *m.resample(cell)) for m in metrics if m.resample] for cell in evidence]
    statistics: dict[int, Statistic] = {id(s): s for of_cell in sources for _, s, _ in of_cell}
    ends = dict(zip(statistics, intervals(list(statistics.values())), strict=True))
    records = []
    for cell, of_cell in zip(evidence, sources, strict=True):
        bounds = {metric.key: ends[id(statistic)][place] for metric, statistic, place in of_cell}
        photos, controls = (np.unique(photos).size for photos in (cell.photos, cell.controls.photos))
        record: Record = {}
        for metric in metrics:
            value = metric.compute(cell)
            interval = _of_share(metric, value, bounds.get(metric.key, UNDEFINED), photos, controls)
            record |= _estimate(metric.key, value, interval)
        records.append(record)
    return records


def _of_share(metric: Metric, value: float, resampled: Interval, photos: int, controls: int) -> Interval:
    """The interval of a value; that of a share, over so many photos, where it is one."""
    if metric.share == "pictures":
        return share_interval(value, photos, resampled)
    if metric.share == "pairs" and value in (0.0, 1.0):  # no resample can leave it: over the fewer photos of the two
        return share_interval(value, min(photos, controls), resampled)
    return resampled


def _inverted(found: Record) -> bool:
    """Whether an AUC lies clearly below 0.5: below what chance gives a control (0.45), and its interval below 0.5."""
    return bool(found[AUC.key] < CHANCE_LOW and found[f"{AUC.key}_high"] < CHANCE)


def _mean(values: Values) -> float:
    """Mean of the finite values, NaN where there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def _columns(metric: Metric) -> list[str]:
    """The columns of a metric's value and of its interval."""
    return [metric.key, f"{metric.key}_low", f"{metric.key}_high"] if metric.interval else [metric.key]


def _estimate(name: str, value: float, interval: Interval) -> Record:
    return {name: value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _table(
    cells: list[_Cell], records: list[Record], keys: list[str], columns: list[str], metrics: Sequence[Metric]
) -> pd.DataFrame:
    """One row a cell; of the records' entries only `columns`, each with the same type however few rows there are."""
    counts = {*COUNTS, *(metric.count_column for metric in metrics)}
    kinds: dict[str, type] = {"inverted": bool, **dict.fromkeys(counts, int)}
    types: dict[str, type] = dict.fromkeys(keys, str) | {name: kinds.get(name, float) for name in columns}
    named = [dict(zip(keys, cell.key, strict=True)) | record for cell, record in zip(cells, records, strict=True)]
    return pd.DataFrame(named, columns=list(types)).astype(types)
