"""Stored rows with random figures, and what finds or spoils one of them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from safebench.runs.schema import DETECTION, QUALITY, metric_columns

BINS = ["0-10", "10-20", "50-60"]
PHOTOS = [f"photo {k}" for k in range(7)]
OF_QUALITY = metric_columns("quality")
LOCALISED = ("auc", "f1", "f1_best", "iou", "mcc", "pixel_acc")


def rows(schema, keys, metrics, generator):
    """One row for each combination of the keys, with random metrics, as a run stores them."""
    table = pd.MultiIndex.from_product(keys.values(), names=keys.keys()).to_frame(index=False)
    table["sample"] = table["photo"] + "." + table["bin"]
    for metric in metrics:
        table[metric] = generator.random(len(table))
    return table.reindex(columns=list(schema), fill_value="")


def quality_rows():
    keys = {"dataset": ["b", "a"], "inpainter": ["telea", "lama"], "assembly": ["spliced"], "bin": BINS}
    keys["photo"] = PHOTOS
    return rows(QUALITY, keys, OF_QUALITY, np.random.default_rng(0))


def detection_rows():
    generator = np.random.default_rng(1)
    keys = {"dataset": ["b", "a"], "postprocess": ["none", "jpeg"], "detector": ["x", "w"], "photo": PHOTOS}
    inpainted = {**keys, "inpainter": ["telea", "lama"], "assembly": ["spliced"], "bin": BINS}
    metrics = metric_columns("detection")
    table = pd.concat(
        [
            rows(DETECTION, inpainted, metrics, generator),
            rows(DETECTION, {**keys, "inpainter": ["original"], "bin": [""]}, metrics, generator),
        ],
        ignore_index=True,
    )
    table["flagged"] = (table["score"] >= 0.5).astype(float)
    table.loc[table["inpainter"] == "original", list(LOCALISED)] = math.nan
    return table


def fail(table, where):
    numbers = [column for column in table if table[column].dtype == np.float64]
    table.loc[where, numbers] = math.nan
    table.loc[where, "error"] = "out of memory"


def cell(table, **key):
    found = table[np.logical_and.reduce([table[name] == value for name, value in key.items()])]
    assert len(found) == 1
    return found.iloc[0]
