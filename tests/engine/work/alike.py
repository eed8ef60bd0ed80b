"""What the tests of executors share: one small run, and how two are held against each other."""

from __future__ import annotations

from typing import Any

import pandas as pd

import safebench
from safebench.work.tasks import Item, Task

OPTIONS: dict[str, Any] = {
    "inpainters": ["telea", "noise"],
    "detectors": ["laplacian"],
    "postprocess": ["none", "jpeg:75"],
    "assembly": ["spliced", "regenerated"],
    "images": "sample",
    "size": 64,
    "limit": 4,
    "bins": "10-20,40-50",
    "lpips_net": "squeeze",
    "keep_maps": True,
    "batch_size": 2,
}


def assert_same(run: safebench.Results, reference: safebench.Results) -> None:
    assert_same_tables(run, reference)
    files = {p.relative_to(reference.folder): p.read_bytes() for p in reference.folder.rglob("*.png")}
    assert files == {p.relative_to(run.folder): p.read_bytes() for p in run.folder.rglob("*.png")}
    assert len(files) > 30


def assert_same_tables(run: safebench.Results, reference: safebench.Results) -> None:
    pd.testing.assert_frame_equal(run.stored.quality, reference.stored.quality, check_exact=True)
    pd.testing.assert_frame_equal(run.stored.detection, reference.stored.detection, check_exact=True)
    pd.testing.assert_frame_equal(run.detection_cells, reference.detection_cells, check_exact=True)


def task_of(k: int) -> Task[int]:
    return Task([k], [k], lambda batch: [Item(str(b), {}) for b in batch])


def rows_of(todo, results):
    return [{"key": k, **results[str(k)].values} for k in todo]
