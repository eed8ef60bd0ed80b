"""Figures of a run in which one network takes part several times, each from a training of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from safebench.metrics.metric import Metric
from safebench.metrics.rates import share_interval
from safebench.metrics.trainings import OverTrainings, over_trainings
from safebench.protocol import ORIGINAL
from safebench.results.cells import Record, failed_rows
from safebench.results.results import Tables


@dataclass(frozen=True)
class Trainings:
    """The pictures of one network's trainings in one cell of a run.

    values: one row for each picture that any of them made, named by photo and sample; one column a training, NaN where
    that one failed or has no such figure.  failures: how many pictures failed.
    """

    metric: Metric
    values: pd.DataFrame
    failures: int

    @classmethod
    def of(cls, results: Tables, names: Sequence[str], hole_bin: str, metric: Metric, detector: str = "") -> Trainings:
        """Of the inpainters `names` of a run; `detector`, with or without a variant, where the metric is of one."""
        tables = results.of_one_assembly()
        rows = tables.quality if metric.subject == "quality" else tables.detection
        if metric.subject != "quality":
            seen_by = [name.partition(":")[0] == detector for name in rows["detector"]]
            rows = rows[np.array(seen_by, dtype=np.bool_) & (rows["inpainter"] != ORIGINAL)]
        rows = rows[rows["inpainter"].isin(names) & (rows["bin"] == hole_bin)]
        failed = failed_rows(rows)
        if metric.column not in rows:  # no backbone of LPIPS was at hand
            rows = rows.assign(**{metric.column: np.nan})
        values = rows[~failed].set_index(["photo", "sample", "inpainter"])[metric.column].unstack().sort_index()
        return cls(metric, values.reindex(columns=list(names)), int(failed.sum()))

    def record(self) -> Record:
        """The cell as other tables have it: the metric's key with _low and _high, n (of one training) and failures."""
        shared = self._over(self.values)
        interval = shared.interval
        if self.metric.share == "pictures":
            photos = self.values.index.get_level_values("photo").nunique()
            interval = share_interval(shared.value, photos, interval)
        return self._as_record(shared._replace(interval=interval), len(self.values))

    def minus(self, other: Trainings) -> Record:
        """The same of the paired difference: the same pictures, and the trainings in their order."""
        shared = self.values.index.intersection(other.values.index)
        ours, theirs = self.values.loc[shared], other.values.loc[shared]
        with np.errstate(invalid="ignore"):
            difference = pd.DataFrame(ours.to_numpy() - theirs.to_numpy(), shared)
        return self._as_record(self._over(difference), len(shared))

    def _as_record(self, shared: OverTrainings, count: int) -> Record:
        key = self.metric.key
        return {
            key: shared.value,
            f"{key}_low": shared.interval.low,
            f"{key}_high": shared.interval.high,
            "n": count,
            "failures": self.failures,
            "of_each": shared.of_each,
        }

    @staticmethod
    def _over(values: pd.DataFrame) -> OverTrainings:
        photos = values.index.get_level_values("photo").to_numpy()
        return over_trainings(values.to_numpy(dtype=np.float64).T, photos)
