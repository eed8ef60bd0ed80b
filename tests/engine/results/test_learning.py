"""How many pictures it takes until an inpainter is found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from safebench.models.adapted import Adapted
from safebench.results.learning import Curve, crossing, learned, learning_curves, needed_text, said_of
from safebench.results.words import Figure
from safebench.runs.record import ModelRecord, RunRecord


def test_between_two_numbers_the_curve_is_straight_over_their_logarithm():
    points = [(0, 0.6), (99, 0.7), (999, 0.9)]
    expected = np.expm1(np.interp(0.8, [0.6, 0.7, 0.9], np.log1p([0, 99, 999])))
    assert crossing(points) == pytest.approx(expected)
    assert crossing(points) == pytest.approx(math.sqrt(100 * 1000) - 1)


def test_found_as_it_is_is_0_and_never_is_infinite():
    assert crossing([(0, 0.8), (100, 0.7)]) == 0
    assert crossing([(0, 0.5), (100, 0.799)]) == math.inf
    assert crossing([(0, 0.5), (100, 0.8)]) == pytest.approx(100)
    assert math.isnan(crossing([(0, math.nan), (100, 0.9)]))


@pytest.mark.parametrize(
    ("needed", "text"),
    [
        (Figure(0, 0, 0), "0"),
        (Figure(math.inf, math.inf, math.inf), ">2,000"),
        (Figure(229.3, 99.9, math.inf), "230 [100, >2,000]"),
        (Figure(1234.0), "1,234"),
        (Figure(math.nan), "–"),
    ],
)
def test_numbers_read_as_people_write_them(needed, text):
    assert needed_text(needed, 2000) == text


def _cell(detector: str, auc: float, inpainter: str = "safepaint", half: float = 0.05, **more: Any) -> dict[str, Any]:
    place = {"dataset": "d", "postprocess": "none", "bin": "all", "inpainter": inpainter, "detector": detector}
    return {**place, "auc": auc, "auc_low": auc - half, "auc_high": auc + half, **more}


def _detector(start: str = "a", **adapted: Any) -> ModelRecord:
    said = Adapted(detector="net", start=start, steps=5, **adapted) if adapted else None
    return ModelRecord(identity="i", weights_sha256=start, adapted=said)


RECORD = RunRecord(
    detectors={
        "net@safepaint-100": _detector(inpainter="safepaint", pictures=100),
        "net": _detector(),
        "net@safepaint-9": _detector(inpainter="safepaint", pictures=9),
        "other": _detector("b"),
    }
)


def test_a_curve_is_of_the_pictures_that_were_learned_from():
    cells = [_cell("net@safepaint-100", 0.9), _cell("net", 0.6), _cell("net@safepaint-9", 0.7), _cell("other", 0.5)]
    cells += [_cell("net", 0.99, "telea"), _cell("net", 0.1, bin="10-20")]
    [curve] = learning_curves(cells, RECORD)
    assert (curve.detector, curve.inpainter, list(curve.cells)) == ("net", "safepaint", [0, 9, 100])
    value, low, high = curve.needed
    assert value == pytest.approx(math.sqrt(10 * 101) - 1)
    assert low == pytest.approx(crossing([(0, 0.65), (9, 0.75), (100, 0.95)])), "a higher AUC needs fewer"
    assert high == pytest.approx(crossing([(0, 0.55), (9, 0.65), (100, 0.85)]))
    assert curve.text == "31 [17, 56]"


def test_a_detector_of_other_weights_is_not_what_was_before():
    changed = RunRecord(detectors={**RECORD.detectors, "net": _detector("c")})
    assert learned(changed) == {("net", "safepaint"): {9: "net@safepaint-9", 100: "net@safepaint-100"}}
    cells = [_cell("net@safepaint-9", 0.7), _cell("net@safepaint-100", 0.9), _cell("net", 0.9)]
    [curve] = learning_curves(cells, changed)
    assert math.isnan(curve.needed.value)
    assert list(said_of([curve])) == []


def _curve(cells: Mapping[int, float]) -> Curve:
    return Curve("d", "none", "net", "safepaint", {n: _cell("net", auc) for n, auc in cells.items()})


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({0: 0.85, 9: 0.9}, "net finds safepaint as it is (pixel AUC 0.850 [0.800, 0.900])."),
        (
            {0: 0.6, 9: 0.7, 100: 0.9},
            "net finds safepaint (pixel AUC 0.8) once it has seen 31 [17, 56] of its pictures.",
        ),
        (
            {0: 0.5, 2000: 0.6},
            "net does not find safepaint after 2,000 of its pictures (pixel AUC 0.500 [0.450, 0.550] before, "
            "0.600 [0.550, 0.650] after).",
        ),
    ],
)  # fmt: skip
def test_what_is_said_of_a_curve(cells, text):
    [[sentence]] = said_of([_curve(cells)])
    assert str(sentence) == text
