"""From stored rows, one an image, to the tables that reports show, one row a cell (docs/protocol.md, 3 to 6).

Rows are sorted before anything is summed, so that the order in which they were stored cannot change a digit.
A metric's value stands under its key, its 95% interval under KEY_low and KEY_high, and under KEY_infinite or
KEY_undefined how many pictures have no finite value, where there can be such.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from safebench.metrics.auc import AUC, CHANCE
from safebench.metrics.catalogue import DEFAULT
from safebench.metrics.evidence import CellEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.score import SCORE
from safebench.metrics.uncertainty import Controls
from safebench.protocol import ORIGINAL
from safebench.results.cells import (
    ALL_BINS,
    Record,
    Rows,
    as_table,
    cells_of,
    columns_of,
    evidence_of,
    means,
    pictures_of,
    split,
    together,
    with_values,
    without_value,
)
from safebench.results.features import FeatureFiles

__all__ = ["ALL_BINS", "detection_cells", "false_alarms", "quality_cells"]

CHANCE_LOW = 0.45
"""Down to this mean AUC a detector that sees nothing may fall by the photos' chance (docs/protocol.md, 4)."""


def quality_cells(
    quality: pd.DataFrame, metrics: Sequence[Metric] = DEFAULT, features: FeatureFiles | None = None
) -> pd.DataFrame:
    """Visual quality for each dataset, inpainter, assembly and bin, and for all bins together.

    quality: stored rows (`safebench.runs.schema.columns`).  features: what their pictures left behind.  Columns of the
    result: the four keys; n (images that went well), photos (they were made from), failures; those of each
    metric.  A metric that not every run has is absent where there is no value.
    """
    keys = ["dataset", "inpainter", "assembly", "bin"]
    pictures = pictures_of(quality, metrics, ("quality",))
    of_cells = [m for m in metrics if m.level == "cell" and m.subject == "quality"]
    stored = features if any(m.feature for m in of_cells) else None
    rows = Rows.of(quality, keys, [metric.column for metric in pictures], whole=stored is not None)
    cells = cells_of(rows, keys)
    records = [
        cell.counts() | averages | without_value(rows, cell, pictures) | over_cell
        for cell, averages, over_cell in zip(
            cells, means(rows, cells, pictures), together(evidence_of(rows, cells, {}, stored), of_cells), strict=True
        )
    ]
    shown = [*pictures, *with_values(of_cells, records)]
    columns = [name for metric in shown for name in (*columns_of(metric), metric.count_column) if name]
    return as_table(cells, records, keys, ["n", "photos", "failures", *columns], metrics)


def detection_cells(
    detection: pd.DataFrame, metrics: Sequence[Metric] = DEFAULT, features: FeatureFiles | None = None
) -> pd.DataFrame:
    """Localisation and detection for each dataset, inpainter, assembly, postprocess, detector and bin, and for all
    bins.

    detection: stored rows (`safebench.runs.schema.columns`); those of the inpainter "original" are the controls.
    features: what their maps left behind.
    Columns of the result: the six keys; n, photos, failures; those of each metric of localisation; inverted (an AUC
    clearly below 0.5: the detector points at the background); those of each metric of detection, and what the
    originals give as a whole.  What needs originals is NaN where there are none.
    """
    keys = ["dataset", "inpainter", "assembly", "postprocess", "detector", "bin"]
    pictures = pictures_of(detection, metrics, ("localisation", "detection"))
    of_cells = [m for m in metrics if m.level == "cell" and m.subject != "quality"]
    stored = features if any(m.feature for m in of_cells) else None
    rows = Rows.of(detection, keys, [metric.column for metric in (*pictures, SCORE)], whole=stored is not None)
    originals, cells = split(cells_of(rows, keys))
    over_cells = together(evidence_of(rows, cells, originals, stored), of_cells)
    records = [
        cell.counts() | averages | without_value(rows, cell, pictures) | over_cell
        for cell, averages, over_cell in zip(cells, means(rows, cells, pictures), over_cells, strict=True)
    ]
    for record in records:
        record["inverted"] = _inverted(record)
    inpainted = [m for m in (*pictures, *with_values(of_cells, records)) if m.over == "inpainted"]
    located = [m for m in inpainted if m.subject == "localisation"]
    columns = [name for metric in located for name in columns_of(metric)]
    columns += [*(metric.count_column for metric in located if metric.undefined), "inverted"]
    columns += [name for metric in inpainted if metric.subject == "detection" for name in columns_of(metric)]
    columns += [metric.key for metric in of_cells if metric.over == "originals"]
    return as_table(cells, records, keys, ["n", "photos", "failures", *columns], metrics)


def false_alarms(detection: pd.DataFrame, metrics: Sequence[Metric] = DEFAULT) -> pd.DataFrame:
    """What each detector says of the untouched originals, for each dataset and postprocess.

    detection: stored rows (`safebench.runs.schema.columns`).  Columns of the result: dataset, postprocess, detector;
    n, failures; those of each metric over originals.
    """
    keys = ["dataset", "postprocess", "detector"]
    pictures = pictures_of(detection, metrics, ("localisation", "detection"), "originals")
    of_cells = [m for m in metrics if m.level == "cell" and m.over == "originals"]
    originals = detection[detection["inpainter"] == ORIGINAL]
    rows = Rows.of(originals, keys, [metric.column for metric in (*pictures, SCORE)])
    cells = cells_of(rows, keys)
    score = rows.column(SCORE)
    evidence = [CellEvidence(score[:0], rows.photo[:0], Controls(score[c.good], rows.photo[c.good])) for c in cells]
    records = [
        cell.counts() | averages | over_cell
        for cell, averages, over_cell in zip(
            cells, means(rows, cells, pictures), together(evidence, of_cells), strict=True
        )
    ]
    columns = [name for m in metrics if m in pictures or m in of_cells for name in columns_of(m)]
    return as_table(cells, records, keys, ["n", "failures", *columns], metrics)


def _inverted(cell: Record) -> bool:
    """Whether an AUC lies clearly below 0.5: below what chance gives a control (0.45), and its interval below 0.5."""
    return bool(cell[AUC.key] < CHANCE_LOW and cell[f"{AUC.key}_high"] < CHANCE)
