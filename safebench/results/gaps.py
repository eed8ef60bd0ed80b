"""Whether detectors find what differs from its surroundings: the gap between hole and known region beside the AUC.

Within each cell (data set, post-process, detector, inpainter, bin), over its pictures: Spearman's rank correlation of
`domain_gap_*` and the detector's pixel AUC, with the bootstrap's interval over photos.
"""

from __future__ import annotations

import math

import pandas as pd

from safebench.metrics.correlation import Spearman
from safebench.metrics.domain_gap import DOMAIN_GAPS
from safebench.metrics.metric import Metric
from safebench.metrics.uncertainty import intervals
from safebench.results.pooling import pooled_rows
from safebench.results.results import Tables
from safebench.results.tables import ALL_BINS
from safebench.results.traces import PIXEL

KEYS = ["dataset", "postprocess", "detector", "inpainter", "bin"]
LEAST = 5
"""Pictures that a correlation takes."""


def measured_gaps(tables: Tables) -> list[Metric]:
    """Those of the gaps that the tables hold."""
    return [m for m in DOMAIN_GAPS if m.column in tables.quality and tables.quality[m.column].notna().any()]


def gap_correlations(tables: Tables, inpainters: list[str]) -> pd.DataFrame:
    """A row for each cell: its keys, n (pictures), and of each gap its correlation, KEY, KEY_low and KEY_high.

    tables: with the pictures of one assembly.  inpainters: those whose pictures also make cells together, called as
    pooled ones are (`safebench.results.pooling.POOLED`).  NaN with fewer than five pictures that have both figures.
    """
    gaps = measured_gaps(tables)
    beside = ["dataset", "sample", "inpainter", "assembly"]
    quality = tables.quality[[*beside, *(m.column for m in gaps)]]
    found = tables.detection[[*beside, "photo", "bin", "postprocess", "detector", PIXEL]].dropna(subset=[PIXEL])
    rows = found.merge(quality, on=beside)
    both = pd.concat([rows, pooled_rows(rows, inpainters)] if len(inpainters) > 1 else [rows], ignore_index=True)
    both = pd.concat([both, both.assign(bin=ALL_BINS)], ignore_index=True)
    cells = list(both.sort_values([*KEYS, "photo", "sample"], kind="stable").groupby(KEYS, sort=True))
    records = [{**dict(zip(KEYS, key, strict=True)), "n": len(cell)} for key, cell in cells]
    for metric in gaps:
        known = [cell.dropna(subset=[metric.column]) for _, cell in cells]
        enough = {k: _spearman(cell, metric) for k, cell in enumerate(known) if len(cell) >= LEAST}
        values = {k: statistic.value for k, statistic in enough.items() if not math.isnan(statistic.value)}
        ends = intervals([enough[k] for k in values])
        for (k, value), (end,) in zip(values.items(), ends, strict=True):
            names = (metric.key, f"{metric.key}_low", f"{metric.key}_high")
            records[k] |= dict(zip(names, (value, *end), strict=True))
    columns = [f"{metric.key}{end}" for metric in gaps for end in ("", "_low", "_high")]
    return pd.DataFrame(records, columns=[*KEYS, "n", *columns])


def _spearman(cell: pd.DataFrame, metric: Metric) -> Spearman:
    x, y = (cell[column].to_numpy(dtype=float) for column in (metric.column, PIXEL))
    return Spearman(x, y, cell["photo"].to_numpy())
