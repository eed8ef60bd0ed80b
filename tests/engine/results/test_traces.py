from __future__ import annotations

import math

from safebench.results.traces import IMAGE, below_chance, strongest


def test_a_misled_detector_speaks_only_where_all_are():
    cells = [
        {"detector": "a", "image_auc": 0.1, "image_auc_high": 0.2},
        {"detector": "b", "image_auc": 0.48, "image_auc_high": 0.6},
        {"detector": "c", "image_auc": math.nan, "image_auc_high": math.nan},
    ]
    assert strongest(cells, IMAGE) == cells[1]
    assert strongest(cells[:1], IMAGE) == cells[0]
    assert strongest(cells[2:], IMAGE) is None
    assert [below_chance(cell, IMAGE) for cell in cells] == [True, False, False]
