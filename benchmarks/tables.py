"""Processor time from stored rows to tables with intervals, on made-up rows of a large run.

OMP_NUM_THREADS=1 python benchmarks/tables.py --photos 1000 --inpainters 17 --detectors 10
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from safebench.protocol import BINS, ORIGINAL
from safebench.results.paired import compare_models
from safebench.results.tables import detection_cells, false_alarms
from safebench.runs.schema import DETECTION, metric_columns


def made_up(photos: int, inpainters: int, detectors: int) -> pd.DataFrame:
    """Detection rows with random figures: every photo with every bin, inpainter and detector, and the originals."""
    names = {
        "photo": [f"photo-{k:06d}" for k in range(photos)],
        "detector": [f"detector-{k}" for k in range(detectors)],
    }
    inpainted = {**names, "inpainter": [f"inpainter-{k}" for k in range(inpainters)], "bin": [b.name for b in BINS]}
    kinds = (inpainted, {**names, "inpainter": [ORIGINAL], "bin": [""]})
    rows = pd.concat(
        [pd.MultiIndex.from_product(list(kind.values()), names=list(kind)).to_frame(index=False) for kind in kinds],
        ignore_index=True,
    )
    rows["sample"] = rows["photo"] + "." + rows["bin"]
    generator = np.random.default_rng(0)
    for column in metric_columns("detection"):
        rows[column] = generator.random(len(rows))
    rows["flagged"] = (rows["score"] >= 0.5).astype(float)
    return rows.reindex(columns=list(DETECTION), fill_value="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--inpainters", type=int, default=17)
    parser.add_argument("--detectors", type=int, default=10)
    given = parser.parse_args()
    rows = made_up(given.photos, given.inpainters, given.detectors)
    print(f"{len(rows)} rows")
    print("| table | rows made | processor time, s |")
    print("| --- | ---: | ---: |")
    tables = {
        "detection_cells": lambda: detection_cells(rows),
        "false_alarms": lambda: false_alarms(rows),
        "compare_models": lambda: compare_models(rows, "inpainter-0", "inpainter-1", "auc"),
    }
    for name, make in tables.items():
        start = time.process_time()
        table = make()
        print(f"| {name} | {len(table)} | {time.process_time() - start:.1f} |")


if __name__ == "__main__":
    main()
