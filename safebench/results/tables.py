"""From stored rows, one an image, to the tables that reports show, one row a cell (docs/protocol.md, 3 to 6).

Rows are sorted before anything is summed, so that the order in which they were stored cannot change a digit.
A metric's mean stands under the metric's name, its 95% interval under NAME_low and NAME_high.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safebench.errors import ConfigError, UnknownNameError
from safebench.metrics.detection import calibrated_threshold, detection_rate_at_5, image_auc
from safebench.metrics.rates import share_interval
from safebench.metrics.uncertainty import (
    Contrast,
    Controls,
    Difference,
    Interval,
    Means,
    intervals,
    paired_differences,
)
from safebench.protocol import ORIGINAL
from safebench.runs.schema import LOCALISATION_METRICS, QUALITY_METRICS

Values = NDArray[np.float64]
Places = NDArray[np.intp]
Record = dict[str, Any]

ALL_BINS = "all"
"""The cell of all bins together; it sorts after the bins' names, which sort as the protocol lists them."""

CHANCE_LOW = 0.45
"""Down to this mean AUC a detector that sees nothing may fall by the photos' chance (docs/protocol.md, 4)."""

WITH_INFINITE = ("psnr", "psnr_hole")
DETECTION_METRICS = (*LOCALISATION_METRICS, "score", "flagged")
COMPARABLE = (*QUALITY_METRICS, *DETECTION_METRICS)
COUNTS = ("n", "photos", "failures", "left_out", "psnr_infinite", "psnr_hole_infinite", "auc_undefined")
COLUMN_TYPES: dict[str, type] = {"inverted": bool, **dict.fromkeys(COUNTS, int)}
"""Of the columns that are neither keys nor floats."""


@dataclass(frozen=True)
class _Rows:
    """Sorted rows as arrays: their keys, which failed, the photo of each, and the values of its metrics."""

    keys: pd.DataFrame
    failed: NDArray[np.bool_]
    photo: Places
    values: Values

    @classmethod
    def of(cls, table: pd.DataFrame, keys: list[str], metrics: Sequence[str]) -> _Rows:
        told = dict.fromkeys([*keys, "photo", "sample", "error", *metrics])
        rows = table[list(told)].sort_values([*keys, "photo", "sample"], kind="stable", ignore_index=True)
        photo, _ = pd.factorize(rows["photo"], sort=True)
        return cls(rows[keys], _failed(rows), photo, rows[list(metrics)].to_numpy(dtype=np.float64))


@dataclass(frozen=True)
class _Cell:
    """A cell: its key, the places of its rows that went well, and how many failed."""

    key: tuple[str, ...]
    good: Places
    failures: int

    def counts(self, rows: _Rows) -> Record:
        return {"n": self.good.size, "photos": np.unique(rows.photo[self.good]).size, "failures": self.failures}


def quality_cells(quality: pd.DataFrame) -> pd.DataFrame:
    """Visual quality for each dataset, inpainter and bin, and for all bins together.

    quality: rows with the columns of `safebench.runs.schema.QUALITY`.  Columns of the result: dataset, inpainter, bin;
    n (images that went well), photos (they were made from), failures; each metric's mean and interval.  Identical
    images have an infinite PSNR: they are counted in psnr_infinite and psnr_hole_infinite, and in no mean.
    `lpips` is absent where no row has a value.
    """
    keys = ["dataset", "inpainter", "bin"]
    metrics = [m for m in QUALITY_METRICS if m != "lpips" or ("lpips" in quality and quality["lpips"].notna().any())]
    rows = _Rows.of(quality, keys, metrics)
    cells = _cells(rows, keys)
    records = []
    for cell, found in zip(cells, _means(rows, cells, metrics), strict=True):
        values = rows.values[cell.good]
        infinite = {f"{m}_infinite": int(np.isinf(values[:, metrics.index(m)]).sum()) for m in WITH_INFINITE}
        records.append(cell.counts(rows) | found | infinite)
    columns: list[str] = []
    for metric in metrics:
        columns += [*_with_interval(metric), *([f"{metric}_infinite"] if metric in WITH_INFINITE else [])]
    return _table(cells, records, keys, ["n", "photos", "failures", *columns])


def detection_cells(detection: pd.DataFrame) -> pd.DataFrame:
    """Localisation and detection for each dataset, inpainter, postprocess, detector and bin, and for all bins.

    detection: rows with the columns of `safebench.runs.schema.DETECTION`; those of the inpainter "original" are the
    controls.  Columns of the result: the five keys; n, photos, failures; each localisation metric with its interval;
    auc_undefined (images without an AUC); inverted (an AUC clearly below 0.5: the detector points at the
    background); score (mean); detection_rate, image_auc and detection_rate_at_5 with their intervals; threshold_at_5.
    What needs originals is NaN where there are none.
    """
    keys = ["dataset", "inpainter", "postprocess", "detector", "bin"]
    rows = _Rows.of(detection, keys, DETECTION_METRICS)
    originals, cells = _split(_cells(rows, keys))
    records = []
    for cell, found, against in zip(
        cells, _means(rows, cells, DETECTION_METRICS), _contrasts(rows, cells, originals), strict=True
    ):
        auc = rows.values[cell.good, DETECTION_METRICS.index("auc")]
        more = {"auc_undefined": int(np.isnan(auc).sum()), "inverted": _inverted(found)}
        counts = cell.counts(rows)
        rate = _share(found, "flagged", "detection_rate", counts["photos"])
        records.append(counts | found | more | rate | against)
    columns = [name for metric in LOCALISATION_METRICS for name in _with_interval(metric)]
    columns += ["auc_undefined", "inverted", "score", *_with_interval("detection_rate"), *_with_interval("image_auc")]
    columns += [*_with_interval("detection_rate_at_5"), "threshold_at_5"]
    return _table(cells, records, keys, ["n", "photos", "failures", *columns])


def false_alarms(detection: pd.DataFrame) -> pd.DataFrame:
    """What each detector says of the untouched originals, for each dataset and postprocess.

    detection: rows with the columns of `safebench.runs.schema.DETECTION`.  Columns of the result: dataset, postprocess,
    detector; n, failures; false_alarm_rate (share with a score of at least 0.5) with its interval; threshold_at_5
    (`safebench.metrics.detection.calibrated_threshold`); flagged_area (mean share of pixels of at least 0.5).
    """
    keys = ["dataset", "postprocess", "detector"]
    metrics = ["score", "flagged", "flagged_area"]
    rows = _Rows.of(detection[detection["inpainter"] == ORIGINAL], keys, metrics)
    cells = _cells(rows, keys)
    records = []
    for cell, found in zip(cells, _means(rows, cells, metrics), strict=True):
        threshold = {"threshold_at_5": calibrated_threshold(rows.values[cell.good, metrics.index("score")])}
        counts = cell.counts(rows)
        rate = _share(found, "flagged", "false_alarm_rate", counts["photos"])
        records.append(counts | found | rate | threshold)
    columns = ["n", "failures", *_with_interval("false_alarm_rate"), "threshold_at_5", "flagged_area"]
    return _table(cells, records, keys, columns)


def compare_inpainters(table: pd.DataFrame, a: str, b: str, metric: str) -> pd.DataFrame:
    """Two inpainters on the same samples: paired differences a - b of a metric, cell by cell.

    table: stored rows of quality or of detection.  Columns of the result: dataset (postprocess and detector, of
    detection) and bin; n (samples that both have), photos, left_out (samples for which one of the two failed, is
    missing, or has no finite value); mean_a, mean_b, difference, low, high, p (`paired_difference`).
    Raises UnknownNameError for an inpainter that the rows lack, ConfigError for a metric that they lack.
    """
    if metric not in COMPARABLE or metric not in table:
        listed = ", ".join(name for name in COMPARABLE if name in table)
        raise ConfigError(f"'{metric}' is no metric of these results; they have {listed}")
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
    return _table(cells, records, keys, columns)


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


def _means(rows: _Rows, cells: list[_Cell], metrics: Sequence[str]) -> list[Record]:
    """For each cell the mean and the interval of each metric."""
    found = intervals([Means(rows.values[cell.good], rows.photo[cell.good]) for cell in cells])
    records = []
    for cell, ends in zip(cells, found, strict=True):
        record: Record = {}
        for metric, column, interval in zip(metrics, rows.values[cell.good].T, ends, strict=True):
            record |= _estimate(metric, _mean(column), interval)
        records.append(record)
    return records


def _contrasts(rows: _Rows, cells: list[_Cell], originals: Mapping[tuple[str, ...], _Cell]) -> list[Record]:
    """For each cell what setting its scores against the originals' gives."""
    score = rows.values[:, DETECTION_METRICS.index("score")]
    controls = {key: Controls(score[cell.good], rows.photo[cell.good]) for key, cell in originals.items()}
    none = Controls(score[:0], rows.photo[:0])
    against = [controls.get(_controlled_by(cell), none) for cell in cells]
    found = intervals(
        [Contrast(score[c.good], rows.photo[c.good], control) for c, control in zip(cells, against, strict=True)]
    )
    return [
        _contrast(score[cell.good], rows.photo[cell.good], control, *ends)
        for cell, control, ends in zip(cells, against, found, strict=True)
    ]


def _contrast(scores: Values, photos: Places, control: Controls, area: Interval, rate: Interval) -> Record:
    """A cell's scores against the originals', with their resampled intervals."""
    auc, rate_at_5 = image_auc(scores, control.scores), detection_rate_at_5(scores, control.scores)
    seen = np.unique(photos).size
    if auc in (0.0, 1.0):  # no resample can leave it either: a share of pairs, over the fewer photos of the two
        area = share_interval(auc, min(seen, np.unique(control.photos).size), area)
    return (
        _estimate("image_auc", auc, area)
        | _estimate("detection_rate_at_5", rate_at_5, share_interval(rate_at_5, seen, rate))
        | {"threshold_at_5": calibrated_threshold(control.scores)}
    )


def _inverted(found: Record) -> bool:
    """Whether an AUC lies clearly below 0.5: below what chance gives a control (0.45), and its interval below 0.5."""
    return bool(found["auc"] < CHANCE_LOW and found["auc_high"] < 0.5)


def _mean(values: Values) -> float:
    """Mean of the finite values, NaN where there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def _with_interval(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]


def _estimate(name: str, value: float, interval: Interval) -> Record:
    return dict(zip(_with_interval(name), (value, *interval), strict=True))


def _share(record: Record, flags: str, name: str, photos: int) -> Record:
    """The mean of flags as what it is: a share of images, with a share's interval."""
    value, *ends = (record[key] for key in _with_interval(flags))
    return _estimate(name, value, share_interval(value, photos, Interval(*ends)))


def _table(cells: list[_Cell], records: list[Record], keys: list[str], columns: list[str]) -> pd.DataFrame:
    """One row a cell; of the records' entries only `columns`, each with the same type however few rows there are."""
    types: dict[str, type] = dict.fromkeys(keys, str) | {name: COLUMN_TYPES.get(name, float) for name in columns}
    named = [dict(zip(keys, cell.key, strict=True)) | record for cell, record in zip(cells, records, strict=True)]
    return pd.DataFrame(named, columns=list(types)).astype(types)
