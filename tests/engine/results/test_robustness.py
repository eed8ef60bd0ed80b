from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from safebench.results.claims import Claims
from safebench.results.robustness import WHOLE, Loss, extremes, losses, most_robust, paired_losses, worst
from safebench.results.words import Figure

WIDE = {"a": Figure(0.1, 0.0, 0.2), "b": Figure(0.15, 0.05, 0.25)}


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ({"a": Figure(0.02, 0.01, 0.03), "b": Figure(0.2, 0.1, 0.3)}, ("a", "b")),
        (WIDE, (None, None)),
        ({**WIDE, "c": Figure(0.5, 0.4, 0.6)}, (None, "c")),
        ({**WIDE, "c": Figure(-0.1, -0.2, -0.05)}, ("c", None)),
        # nothing is lost by either: one gains more, and none is fragile
        ({"a": Figure(-0.2, -0.3, -0.1), "b": Figure(-0.02, -0.03, -0.01)}, ("a", None)),
        ({"a": Figure(0.02, 0.01, 0.03)}, (None, None)),
        ({"a": Figure(0.02), "b": Figure(0.2, 0.1, 0.3)}, (None, None)),
        ({"a": Figure(0.1, 0.0, 0.2), "b": Figure(0.3, 0.2, 0.4)}, (None, None)),  # touching is overlapping
        ({}, (None, None)),
    ],
)
def test_only_intervals_apart_from_all_others_name_anyone(lost, named):
    assert extremes(lost) == named


def test_the_worst_loss_is_the_largest_that_is_known():
    found = {"jpeg:90": Figure(0.1, 0, 0.2), "blur:3": Figure(0.3, 0.2, 0.4), "webp:1": Figure(math.nan)}
    assert worst(found) == Loss("blur:3", found["blur:3"])
    assert worst({"webp:1": Figure(math.nan)}) is None


def seen(aucs, photos=20):
    """Detection rows of one data set; aucs: by inpainter, post-process and detector, one value or one a photo."""
    rows = [
        {"dataset": "d", "inpainter": inpainter, "postprocess": postprocess, "detector": detector, "auc": value}
        | {"photo": f"p{k}", "sample": f"p{k}.10-20"}
        for (inpainter, postprocess, detector), values in aucs.items()
        for k, value in enumerate(np.broadcast_to(values, photos))
    ]
    return pd.DataFrame(rows)


def test_losses_are_paired_by_image_whatever_the_order_of_rows():
    hard = np.linspace(0.6, 0.9, 20)
    rows = seen({("t", "none", "x"): hard, ("t", "jpeg:50", "x"): hard - 0.05, ("s", "none", "x"): 0.9})
    found = losses(rows.sample(frac=1, random_state=0, ignore_index=True))
    assert list(found) == [("d", "t", "jpeg:50", "x")]
    assert found["d", "t", "jpeg:50", "x"] == pytest.approx((0.05, 0.05, 0.05))


def test_images_without_a_figure_both_ways_are_in_no_loss():
    half = np.where(np.arange(20) < 10, 0.4, math.nan)
    found = losses(seen({("t", "none", "x"): 0.9, ("t", "blur:9", "x"): half}))
    assert found["d", "t", "blur:9", "x"].value == pytest.approx(0.5)
    assert losses(seen({("t", "none", "x"): math.nan, ("t", "blur:9", "x"): 0.5})) == {}


def test_whole_pictures_pair_with_spliced_ones_of_the_same_sample_and_post_process():
    hard = np.linspace(0.6, 0.9, 20)
    spliced = seen({("t", "none", "x"): hard, ("t", "jpeg:50", "x"): 0.6, ("s", "none", "x"): 0.9})
    whole = seen({("t", "none", "x"): hard - 0.2, ("t", "jpeg:50", "x"): 0.5})
    found = paired_losses(spliced, whole.sample(frac=1, random_state=0, ignore_index=True))
    assert found == {
        ("d", "t", "jpeg:50", "x"): pytest.approx((0.1, 0.1, 0.1)),
        ("d", "t", "none", "x"): pytest.approx((0.2, 0.2, 0.2)),
    }


def test_inpainters_count_as_one_where_asked_and_stay_paired():
    aucs = {("t", "none", "x"): 0.9, ("t", "jpeg:50", "x"): 0.7, ("s", "none", "x"): 0.6, ("s", "jpeg:50", "x"): 0.6}
    found = losses(seen(aucs), "all")
    assert list(found) == [("d", "all", "jpeg:50", "x")]
    assert found["d", "all", "jpeg:50", "x"].value == pytest.approx(0.1)


class Enough(Claims):
    """The rule where all cells have so many photos."""

    def __init__(self, photos):
        self.of = photos

    def photos(self, cell):
        return self.of

    def enough(self, cell):
        return self.of >= 20


def said(plain, lost, photos=20, *wording):
    cells = [{"detector": name, "auc_low": low} for name, low in plain.items()]
    return " ".join(map(str, most_robust(Enough(photos), cells, lost, *wording)))


FIRM = {"jpeg:50": Figure(0.01, 0.0, 0.02), "blur:9": Figure(0.02, 0.01, 0.03)}
FRAIL = {"jpeg:50": Figure(0.3, 0.25, 0.35), "blur:9": Figure(0.1, 0.05, 0.15)}


def test_the_most_robust_and_the_most_fragile_are_named_with_what_costs_them_most():
    assert said({"x": 0.7, "y": 0.6}, {"x": FIRM, "y": FRAIL}) == (
        "Most robust to post-processing: x loses 0.020 [0.010, 0.030] of its pixel AUC at worst, after blur:9. "
        "Most fragile: y loses 0.300 [0.250, 0.350] of its pixel AUC after jpeg:50."
    )


def test_the_same_is_said_of_whole_pictures():
    lost = {"x": {"regenerated": Figure(0.02, 0.01, 0.03)}, "y": {"regenerated": Figure(0.3, 0.2, 0.4)}}
    assert said({"x": 0.7, "y": 0.6, "z": 0.4}, {**lost, "z": lost["x"]}, 20, WHOLE) == (
        "Loses least in whole pictures: x loses 0.020 [0.010, 0.030] of its pixel AUC where they are regenerated. "
        "Loses most in whole pictures: y loses 0.300 [0.200, 0.400] of its pixel AUC where they are regenerated. "
        "Not compared, with no pixel AUC clearly above 0.5 in spliced pictures to lose: z."
    )
    assert said({"x": 0.7, "y": 0.6}, {"x": lost["x"], "y": lost["x"]}, 20, WHOLE) == (
        "No detector is said to lose least or most in whole pictures, since intervals overlap: "
        "x loses 0.020 [0.010, 0.030] of its pixel AUC where they are regenerated; "
        "y loses 0.020 [0.010, 0.030] of its pixel AUC where they are regenerated."
    )


def test_where_intervals_overlap_none_is_named():
    text = said({"x": 0.7, "y": 0.6}, {"x": FIRM, "y": FIRM})
    assert text.startswith("No detector is named most robust or most fragile, since intervals overlap: x loses 0.020")


def test_who_finds_nothing_has_nothing_to_lose():
    none = {"jpeg:50": Figure(0.0, -0.001, 0.001), "blur:9": Figure(0.0, -0.001, 0.001)}
    text = said({"x": 0.7, "y": 0.6, "z": 0.48}, {"x": FIRM, "y": FRAIL, "z": none})
    assert text.startswith("Most robust to post-processing: x")
    assert text.endswith("Not compared in robustness, with no pixel AUC clearly above 0.5 to lose: z.")


def test_who_met_fewer_post_processings_is_not_compared():
    part = {"jpeg:50": Figure(0.0, 0.0, 0.001)}
    assert said({"x": 0.7, "y": 0.6, "z": 0.9}, {"x": FIRM, "y": FRAIL, "z": part}).startswith(
        "Most robust to post-processing: x"
    )


def test_few_photos_one_detector_or_one_condition_name_nobody():
    few = "Too few to say which detector is most robust to post-processing: 4 photos, and ranking or naming takes 20."
    assert said({"x": 0.7, "y": 0.6}, {"x": FIRM, "y": FRAIL}, photos=4) == few
    assert said({"x": 0.7}, {"x": FIRM}) == ""
    assert said({"x": 0.7, "y": 0.6}, {}) == ""
