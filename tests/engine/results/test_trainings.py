"""Figures over several trainings of one network, from a run's rows."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate import DETECTION_RATE
from safebench.metrics.lpips import LPIPS
from safebench.metrics.psnr import PSNR
from safebench.results.results import Tables
from safebench.results.trainings import Trainings
from safebench.runs.record import RunRecord

from .stored_rows import cell, fail

NAMES = ("telea", "lama")


@pytest.fixture
def tables(quality, detection):
    kept = detection[(detection["postprocess"] == "none") & (detection["dataset"] == "a")]
    return Tables(RunRecord(), quality[:0], quality[quality["dataset"] == "a"], kept)


def test_the_figure_is_the_mean_of_the_trainings_means(tables):
    record = Trainings.of(tables, NAMES, "0-10", PSNR).record()
    each = [cell(tables.quality_cells, inpainter=name, bin="0-10")["psnr"] for name in NAMES]
    assert record["of_each"] == pytest.approx(each)
    assert record["psnr"] == pytest.approx(sum(each) / 2)
    assert record["psnr_low"] < record["psnr"] < record["psnr_high"]
    assert (record["n"], record["failures"]) == (7, 0)


def test_one_training_gives_the_cell_as_it_is(tables):
    for metric in (AUC, DETECTION_RATE):
        record = Trainings.of(tables, ("lama",), "10-20", metric, "w").record()
        usual = cell(tables.detection_cells, inpainter="lama", bin="10-20", detector="w")
        for name in (metric.key, f"{metric.key}_low", f"{metric.key}_high"):
            assert record[name] == pytest.approx(usual[name]), name


def test_a_difference_is_paired_by_picture_and_training(tables):
    rows = tables.detection
    alone = rows[(rows["detector"] == "x") & (rows["inpainter"] == "telea")]
    shifted = alone.assign(inpainter="other", auc=alone["auc"] + 0.25)
    both = Tables(tables.record, tables.samples, tables.quality, pd.concat([alone, shifted]))
    one, other = (Trainings.of(both, (name,), "0-10", AUC, "x") for name in ("telea", "other"))
    record = other.minus(one)
    assert [record[name] for name in ("auc", "auc_low", "auc_high")] == pytest.approx([0.25] * 3)
    assert record["n"] == 7


def test_what_failed_is_left_out_and_counted(tables):
    fail(tables.quality, (tables.quality["inpainter"] == "lama") & (tables.quality["photo"] == "photo 3"))
    record = Trainings.of(tables, NAMES, "0-10", PSNR).record()
    assert (record["n"], record["failures"]) == (7, 1)
    assert record["of_each"][1] == pytest.approx(cell(tables.quality_cells, inpainter="lama", bin="0-10")["psnr"])


def test_a_metric_that_was_not_measured_has_no_figure(tables):
    tables.quality = tables.quality.drop(columns="lpips")
    record = Trainings.of(tables, NAMES, "0-10", LPIPS).record()
    assert math.isnan(record["lpips"])
    assert math.isnan(record["lpips_low"])


def test_a_detector_that_did_not_look_has_no_figure(tables):
    tables.detection = tables.detection[:0]
    record = Trainings.of(tables, NAMES, "0-10", AUC, "x").record()
    assert math.isnan(record["auc"])
    assert record["n"] == 0
