from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from safebench.metrics.detection_rate_at_5 import detection_rate_at_5
from safebench.metrics.image_auc import image_auc
from safebench.metrics.rates import exact_interval, share_interval
from safebench.metrics.thresholds import calibrated_threshold
from safebench.metrics.uncertainty import Contrast, Controls, Means, intervals
from safebench.results.tables import detection_cells, false_alarms, quality_cells

from .stored_rows import LOCALISED, OF_QUALITY, PHOTOS, cell, fail


def test_quality_cells_hold_means_and_intervals_of_their_rows(quality):
    table = quality_cells(quality)
    assert table.columns.tolist() == [
        *("dataset", "inpainter", "assembly", "bin", "n", "photos", "failures"),
        *("psnr", "psnr_low", "psnr_high", "psnr_infinite", "ssim", "ssim_low", "ssim_high"),
        *("lpips", "lpips_low", "lpips_high", "l1", "l1_low", "l1_high"),
        *("psnr_hole", "psnr_hole_low", "psnr_hole_high", "psnr_hole_infinite"),
        *("l1_hole", "l1_hole_low", "l1_hole_high"),
    ]
    assert len(table) == 2 * 2 * 4
    for _, found in table.iterrows():
        part = quality[(quality["dataset"] == found["dataset"]) & (quality["inpainter"] == found["inpainter"])]
        if found["bin"] != "all":
            part = part[part["bin"] == found["bin"]]
        assert (found["n"], found["photos"], found["failures"]) == (len(part), 7, 0)
        values = part[list(OF_QUALITY)].to_numpy()
        (expected,) = intervals([Means(values, part["photo"].to_numpy())])
        for metric, column, interval in zip(OF_QUALITY, values.T, expected, strict=True):
            assert found[metric] == pytest.approx(column.mean(), abs=1e-12)
            assert (found[f"{metric}_low"], found[f"{metric}_high"]) == pytest.approx(interval, abs=1e-12)


def test_cells_stand_in_the_order_of_their_keys(quality, detection):
    order = ["0-10", "10-20", "50-60", "all"]
    assert quality_cells(quality)[["dataset", "inpainter", "bin"]].to_numpy().tolist() == [
        [dataset, inpainter, name] for dataset in "ab" for inpainter in ("lama", "telea") for name in order
    ]
    keys = ["dataset", "inpainter", "assembly", "postprocess", "detector", "bin"]
    assert detection_cells(detection)[keys].to_numpy().tolist() == [
        [dataset, inpainter, "spliced", postprocess, detector, name]
        for dataset in "ab"
        for inpainter in ("lama", "telea")
        for postprocess in ("jpeg", "none")
        for detector in "wx"
        for name in order
    ]


def test_text_columns_of_any_type_will_do(quality, detection):
    for make, table in ((quality_cells, quality), (detection_cells, detection), (false_alarms, detection)):
        words = [column for column in table if table[column].dtype != np.float64]
        for kind in (object, "string"):
            typed = table.astype(dict.fromkeys(words, kind))
            pd.testing.assert_frame_equal(make(typed), make(table), check_exact=True)


@pytest.mark.parametrize("make", [quality_cells, detection_cells, false_alarms])
def test_the_order_of_rows_cannot_change_a_bit(make, quality, detection):
    table = quality if make is quality_cells else detection
    first = make(table)
    shuffled = table.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(make(shuffled), first, check_exact=True)


def test_a_cell_depends_on_its_own_rows_and_its_originals_alone(quality, detection):
    whole = quality_cells(quality)
    alone = quality_cells(quality[(quality["inpainter"] == "lama") & (quality["dataset"] == "a")])
    expected = whole[(whole["inpainter"] == "lama") & (whole["dataset"] == "a")].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)
    whole = detection_cells(detection)
    kept = detection["inpainter"].isin(["lama", "original"]) & (detection["detector"] == "w")
    expected = whole[(whole["inpainter"] == "lama") & (whole["detector"] == "w")].reset_index(drop=True)
    pd.testing.assert_frame_equal(detection_cells(detection[kept]), expected, check_exact=True)


def test_failures_are_counted_and_in_no_mean(quality):
    where = (quality["inpainter"] == "telea") & quality["sample"].isin(["photo 1.0-10", "photo 4.0-10"])
    expected = quality[(quality["inpainter"] == "telea") & (quality["bin"] == "0-10") & (quality["dataset"] == "a")]
    expected = expected[~expected["photo"].isin(["photo 1", "photo 4"])]
    fail(quality, where)
    table = quality_cells(quality)
    found = cell(table, dataset="a", inpainter="telea", bin="0-10")
    assert (found["n"], found["photos"], found["failures"]) == (5, 5, 2)
    assert found["ssim"] == pytest.approx(expected["ssim"].mean(), abs=1e-15)
    found = cell(table, dataset="a", inpainter="telea", bin="all")
    assert (found["n"], found["photos"], found["failures"]) == (19, 7, 2)


def test_a_cell_where_all_failed_stays_and_says_so(quality, detection):
    fail(quality, (quality["inpainter"] == "telea") & (quality["bin"] == "10-20"))
    found = cell(quality_cells(quality), dataset="a", inpainter="telea", bin="10-20")
    assert (found["n"], found["photos"], found["failures"], found["psnr_infinite"]) == (0, 0, 7, 0)
    assert math.isnan(found["psnr"])
    fail(detection, detection["detector"] == "x")
    found = cell(
        detection_cells(detection), dataset="a", inpainter="telea", bin="10-20", detector="x", postprocess="none"
    )
    assert (found["n"], found["failures"], found["auc_undefined"], found["inverted"]) == (0, 7, 0, False)
    assert math.isnan(found["image_auc"])
    found = cell(false_alarms(detection), dataset="a", detector="x", postprocess="none")
    assert (found["n"], found["failures"]) == (0, 7)
    assert math.isnan(found["false_alarm_rate"])
    assert math.isnan(found["threshold_at_5"])


def test_infinite_psnr_is_counted_apart(quality):
    where = (quality["dataset"] == "a") & (quality["inpainter"] == "lama") & (quality["bin"] == "10-20")
    same = where & quality["photo"].isin(PHOTOS[:3])
    expected = quality.loc[where & ~same, "psnr"].mean()
    quality.loc[same, ["psnr", "psnr_hole"]] = math.inf
    found = cell(quality_cells(quality), dataset="a", inpainter="lama", bin="10-20")
    assert (found["n"], found["psnr_infinite"], found["psnr_hole_infinite"]) == (7, 3, 3)
    assert found["psnr"] == pytest.approx(expected, abs=1e-15)
    assert found["psnr_low"] < found["psnr"] < found["psnr_high"] < 1
    quality.loc[where, "psnr"] = math.inf
    found = cell(quality_cells(quality), dataset="a", inpainter="lama", bin="10-20")
    assert found["psnr_infinite"] == 7
    assert math.isnan(found["psnr"])
    assert math.isnan(found["psnr_low"])


@pytest.mark.parametrize("missing", ["column", "values"])
def test_lpips_is_absent_where_no_row_has_one(quality, missing):
    rows_without = quality.drop(columns="lpips") if missing == "column" else quality.assign(lpips=math.nan)
    table = quality_cells(rows_without)
    rest = quality_cells(quality).drop(columns=["lpips", "lpips_low", "lpips_high"])
    pd.testing.assert_frame_equal(table, rest, check_exact=True)


def test_detection_cells_hold_what_the_metrics_say_of_their_rows(detection):
    table = detection_cells(detection)
    assert table.columns.tolist() == [
        *("dataset", "inpainter", "assembly", "postprocess", "detector", "bin", "n", "photos", "failures"),
        *(f"{metric}{end}" for metric in LOCALISED for end in ("", "_low", "_high")),
        *("auc_undefined", "inverted", "score", "detection_rate", "detection_rate_low", "detection_rate_high"),
        *("image_auc", "image_auc_low", "image_auc_high"),
        *("detection_rate_at_5", "detection_rate_at_5_low", "detection_rate_at_5_high", "threshold_at_5"),
    ]
    assert "original" not in set(table["inpainter"])
    for _, found in table.iterrows():
        group = np.logical_and.reduce([detection[k] == found[k] for k in ("dataset", "postprocess", "detector")])
        part = detection[group & (detection["inpainter"] == found["inpainter"])]
        if found["bin"] != "all":
            part = part[part["bin"] == found["bin"]]
        originals = detection[group & (detection["inpainter"] == "original")]
        scores, controls = part["score"].to_numpy(), originals["score"].to_numpy()
        assert (found["n"], found["photos"], found["failures"]) == (len(part), 7, 0)
        assert found["f1"] == pytest.approx(part["f1"].mean(), abs=1e-12)
        assert found["score"] == pytest.approx(scores.mean(), abs=1e-12)
        assert found["detection_rate"] == pytest.approx((scores >= 0.5).mean(), abs=1e-12)
        assert found["image_auc"] == image_auc(scores, controls)
        assert found["detection_rate_at_5"] == detection_rate_at_5(scores, controls)
        assert found["threshold_at_5"] == calibrated_threshold(controls)
        values = part[["auc", "flagged"]].to_numpy()
        control = Controls(controls, originals["photo"].to_numpy())
        means, contrast = intervals(
            [Means(values, part["photo"].to_numpy()), Contrast(scores, part["photo"].to_numpy(), control)]
        )
        expected = {
            "auc": means[0],
            "detection_rate": share_interval(found["detection_rate"], 7, means[1]),
            "image_auc": contrast[0],
            "detection_rate_at_5": share_interval(found["detection_rate_at_5"], 7, contrast[1]),
        }
        for name, interval in expected.items():
            assert (found[f"{name}_low"], found[f"{name}_high"]) == pytest.approx(tuple(interval), abs=1e-12)


def test_undefined_aucs_are_counted_and_in_no_mean(detection):
    where = (detection["inpainter"] == "lama") & (detection["photo"] == "photo 2")
    detection.loc[where, "auc"] = math.nan
    key = {"dataset": "a", "inpainter": "lama", "postprocess": "none", "detector": "x"}
    found = cell(detection_cells(detection), **key, bin="10-20")
    assert (found["n"], found["auc_undefined"]) == (7, 1)
    part = detection[np.logical_and.reduce([detection[k] == v for k, v in key.items()])]
    assert found["auc"] == pytest.approx(part.loc[part["bin"] == "10-20", "auc"].mean(), abs=1e-15)
    assert cell(detection_cells(detection), **key, bin="all")["auc_undefined"] == 3


def test_a_detector_that_points_at_the_background_is_marked(detection):
    low = detection["detector"] == "x"
    detection["auc"] = np.where(low, detection["auc"] / 4, 1 - detection["auc"] / 4)
    table = detection_cells(detection)
    assert table.loc[table["detector"] == "x", "inverted"].all()
    assert not table.loc[table["detector"] == "w", "inverted"].any()


def test_without_originals_what_needs_them_is_nan(detection):
    table = detection_cells(detection[detection["inpainter"] != "original"])
    assert table[["image_auc", "image_auc_low", "detection_rate_at_5", "threshold_at_5"]].isna().all(axis=None)
    assert table["detection_rate"].notna().all()


def test_an_original_that_failed_is_no_control(detection):
    where = (detection["inpainter"] == "original") & (detection["photo"] == "photo 5")
    controls = detection[(detection["inpainter"] == "original") & ~where]
    fail(detection, where)
    found = cell(
        detection_cells(detection), dataset="a", inpainter="lama", postprocess="none", detector="x", bin="10-20"
    )
    scores = controls[np.logical_and.reduce([controls[k] == found[k] for k in ("dataset", "postprocess", "detector")])]
    assert found["threshold_at_5"] == calibrated_threshold(scores["score"].to_numpy())
    assert (found["n"], found["failures"]) == (7, 0)


def test_false_alarms_are_those_of_the_originals(detection):
    table = false_alarms(detection)
    assert table.columns.tolist() == [
        *("dataset", "postprocess", "detector", "n", "failures"),
        *("false_alarm_rate", "false_alarm_rate_low", "false_alarm_rate_high", "threshold_at_5", "flagged_area"),
    ]
    assert len(table) == 2 * 2 * 2
    originals = detection[detection["inpainter"] == "original"]
    for _, found in table.iterrows():
        part = originals[np.logical_and.reduce([originals[k] == found[k] for k in table.columns[:3]])]
        assert (found["n"], found["failures"]) == (7, 0)
        assert found["false_alarm_rate"] == pytest.approx((part["score"] >= 0.5).mean(), abs=1e-15)
        assert found["flagged_area"] == pytest.approx(part["flagged_area"].mean(), abs=1e-15)
        assert found["threshold_at_5"] == calibrated_threshold(part["score"].to_numpy())
        assert found["false_alarm_rate_low"] <= found["false_alarm_rate"] <= found["false_alarm_rate_high"]


def test_shares_of_few_images_are_not_certain(detection):
    """No false alarm on seven photos, and none of an inpainter's images flagged, and all told from the originals."""
    inpainted = detection["inpainter"] != "original"
    detection["score"] = np.where(inpainted, 0.45, 0.1)
    detection["flagged"] = 0.0
    seven = exact_interval(0, 7)
    alarms = false_alarms(detection).iloc[0]
    assert (alarms["false_alarm_rate"], alarms["false_alarm_rate_low"]) == (0, 0)
    assert alarms["false_alarm_rate_high"] == pytest.approx(seven.high, abs=1e-12)
    found = cell(detection_cells(detection), dataset="a", inpainter="lama", postprocess="none", detector="x", bin="all")
    assert (found["n"], found["photos"]) == (21, 7)
    assert (found["detection_rate"], found["detection_rate_high"]) == (0, pytest.approx(seven.high, abs=1e-12))
    for name in ("image_auc", "detection_rate_at_5"):
        assert (found[name], found[f"{name}_high"]) == (1, 1)
        assert found[f"{name}_low"] == pytest.approx(1 - seven.high, abs=1e-12)


def test_one_photo_gives_means_without_intervals(quality, detection):
    found = quality_cells(quality[quality["photo"] == "photo 3"]).iloc[-1]
    assert (found["bin"], found["n"], found["photos"]) == ("all", 3, 1)
    assert found["psnr"] > 0
    assert math.isnan(found["psnr_low"])
    found = detection_cells(detection[detection["photo"] == "photo 3"]).iloc[0]
    assert found["auc"] > 0
    assert math.isnan(found["auc_high"])
    assert not found["inverted"]
    share = exact_interval(found["detection_rate"], 1)  # which a share has, however few there are
    assert (found["detection_rate_low"], found["detection_rate_high"]) == tuple(share)


@pytest.mark.parametrize("make", [quality_cells, detection_cells, false_alarms])
def test_no_rows_give_an_empty_table_with_its_columns_and_types(make, quality, detection):
    table = quality if make is quality_cells else detection
    empty, full = make(table.iloc[:0]), make(table)
    assert len(empty) == 0
    full = full.drop(columns=["lpips", "lpips_low", "lpips_high"], errors="ignore")
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert empty.columns.tolist() == full.columns.tolist()
    assert make(pd.DataFrame(columns=list(table.columns))).columns.tolist() == full.columns.tolist()
