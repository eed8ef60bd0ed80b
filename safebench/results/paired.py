"""Two models on the same images: paired differences with intervals, cell by cell (docs/protocol.md, section 6)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from safebench.errors import ConfigError, UnknownNameError
from safebench.metrics.catalogue import catalogue
from safebench.metrics.pairs import photos_of_pairs
from safebench.metrics.uncertainty import Difference, paired_differences
from safebench.results.cells import Rows, as_table, cells_of, failed_rows, mean

Kind = Literal["inpainter", "detector"]
"""Of which kind the two are; each is the other's opponent."""


def compare_models(table: pd.DataFrame, a: str, b: str, metric: str, kind: Kind = "inpainter") -> pd.DataFrame:
    """Two models on the same images: paired differences a - b of a metric, cell by cell.

    table: stored rows of quality or of detection.  metric: the column that holds it.  kind: what the two are.
    Columns of the result: dataset, assembly (postprocess and the opponent, of detection) and bin; n (images that both
    have), photos, left_out (images for which one of the two failed, is missing, or has no finite value); mean_a,
    mean_b, difference, low, high, p (`paired_difference`); smallest_p, what p could be at least.
    Raises UnknownNameError for a model that the rows lack, ConfigError for a metric that they lack.
    """
    comparable = dict.fromkeys(m.column for m in catalogue().values() if m.level == "picture" and m.column in table)
    if metric not in comparable:
        raise ConfigError(f"'{metric}' is no metric of these results; they have {', '.join(comparable)}")
    names = sorted(table[kind].unique())
    for name in (a, b):
        if name not in names:
            raise UnknownNameError(f"'{name}' is no {kind} of these results; they have {', '.join(names)}")
    opponent = "detector" if kind == "inpainter" else "inpainter"
    keys = [key for key in ("dataset", "assembly", "postprocess", opponent, "bin") if key in table]
    image = [*keys, "photo", "sample", *(["of"] if "of" in table else [])]
    of_a, of_b = (_finite(table[table[kind] == name], metric, image) for name in (a, b))
    pairs = of_a.merge(of_b, on=image, how="outer", suffixes=("_a", "_b"))
    pairs["error"] = np.where(pairs["value_a"].notna() & pairs["value_b"].notna(), "", "left out")
    rows = Rows.of(pairs, keys, ["value_a", "value_b"])
    cells = cells_of(rows, keys)
    both = [rows.values[cell.good].T for cell in cells]
    photos = [rows.photo[cell.good] for cell in cells]
    differences = paired_differences([(first - second, of) for (first, second), of in zip(both, photos, strict=True)])
    records = [
        cell.counts()
        | {"left_out": cell.failures, "mean_a": mean(first), "mean_b": mean(second)}
        | difference._asdict()
        | {"smallest_p": photos_of_pairs(first, second, of)[1]}
        for cell, (first, second), of, difference in zip(cells, both, photos, differences, strict=True)
    ]
    columns = ["n", "photos", "left_out", "mean_a", "mean_b", *Difference._fields, "smallest_p"]
    return as_table(cells, records, keys, columns, ())


def _finite(rows: pd.DataFrame, metric: str, columns: list[str]) -> pd.DataFrame:
    """The images of one model, with the metric's value: NaN where it failed or has no finite one."""
    good = ~failed_rows(rows) & np.isfinite(rows[metric].to_numpy(dtype=np.float64))
    return rows[columns].assign(value=rows[metric].where(good))
