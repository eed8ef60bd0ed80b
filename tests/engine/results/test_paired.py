"""Two models on the same images."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from safebench.errors import ConfigError, UnknownNameError
from safebench.metrics.uncertainty import paired_difference
from safebench.results.paired import compare_models

from .stored_rows import PHOTOS, cell, fail


def test_inpainters_are_compared_on_the_samples_that_both_have(detection):
    fail(detection, (detection["inpainter"] == "lama") & (detection["sample"] == "photo 1.10-20"))
    detection = detection[~((detection["inpainter"] == "telea") & (detection["sample"] == "photo 2.10-20"))]
    table = compare_models(detection, "lama", "telea", "auc")
    assert table.columns.tolist() == [
        *("dataset", "assembly", "postprocess", "detector", "bin", "n", "photos", "left_out"),
        *("mean_a", "mean_b", "difference", "low", "high", "p", "smallest_p"),
    ]
    assert len(table) == 2 * 2 * 2 * 4
    key = {"dataset": "a", "postprocess": "none", "detector": "x"}
    part = detection[np.logical_and.reduce([detection[k] == v for k, v in key.items()])]
    found = cell(table, **key, bin="10-20")
    sides = [part[(part["inpainter"] == name) & (part["bin"] == "10-20")] for name in ("lama", "telea")]
    photos = [photo for photo in PHOTOS if photo not in ("photo 1", "photo 2")]
    a, b = (side.set_index("photo").loc[photos, "auc"].to_numpy() for side in sides)
    assert (found["n"], found["photos"], found["left_out"]) == (5, 5, 2)
    assert (found["mean_a"], found["mean_b"]) == pytest.approx((a.mean(), b.mean()), abs=1e-15)
    expected = paired_difference(a, b, np.array(photos))
    assert tuple(found[["difference", "low", "high", "p"]]) == pytest.approx(tuple(expected), abs=1e-12)
    assert (cell(table, **key, bin="all")["n"], cell(table, **key, bin="all")["left_out"]) == (19, 2)


def test_inpainters_are_compared_in_quality_without_infinite_values(quality):
    where = (quality["inpainter"] == "lama") & (quality["sample"] == "photo 0.50-60")
    quality.loc[where, "psnr"] = math.inf
    table = compare_models(quality, "telea", "lama", "psnr")
    assert table.columns.tolist()[:4] == ["dataset", "assembly", "bin", "n"]
    found = cell(table, dataset="a", bin="50-60")
    assert (found["n"], found["left_out"]) == (6, 1)
    assert math.isfinite(found["difference"])
    shuffled = compare_models(quality.sample(frac=1, random_state=1), "telea", "lama", "psnr")
    pd.testing.assert_frame_equal(shuffled, table, check_exact=True)


def test_comparing_what_is_not_there_is_refused_with_what_is(quality):
    with pytest.raises(UnknownNameError, match=r"'mat' is no inpainter of these results; they have lama, telea"):
        compare_models(quality, "lama", "mat", "psnr")
    with pytest.raises(ConfigError, match=r"'auc' is no metric of these results; they have psnr, ssim"):
        compare_models(quality, "lama", "telea", "auc")


def test_detectors_are_compared_on_the_same_pictures(detection):
    table = compare_models(detection, "x", "w", "auc", "detector").query("inpainter != 'original'")
    assert table.columns.tolist()[:6] == ["dataset", "assembly", "postprocess", "inpainter", "bin", "n"]
    found = cell(table, dataset="a", postprocess="jpeg", inpainter="lama", bin="0-10")
    part = detection.query("dataset == 'a' and postprocess == 'jpeg' and inpainter == 'lama' and bin == '0-10'")
    a, b = (part[part["detector"] == name].set_index("photo").loc[PHOTOS, "auc"].to_numpy() for name in ("x", "w"))
    expected = paired_difference(a, b, np.array(PHOTOS))
    assert tuple(found[["difference", "low", "high", "p"]]) == pytest.approx(tuple(expected), abs=1e-12)
    assert found["smallest_p"] == 2 ** (1 - len(PHOTOS))


def test_photos_that_tell_two_apart_say_how_small_p_can_be(quality):
    alike = quality["photo"].isin(PHOTOS[:5])
    quality.loc[alike, "psnr"] = 20.0
    table = compare_models(quality, "telea", "lama", "psnr")
    assert set(table["smallest_p"]) == {2 ** (1 - 2)}
