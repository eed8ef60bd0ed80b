"""The metrics as functions of arrays: the catalogue's figures, and misuse told in sentences."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score, jaccard_score, matthews_corrcoef, roc_auc_score

import safebench
from safebench.errors import InputError
from safebench.metrics.catalogue import BUILT_IN
from safebench.metrics.evidence import CompositeEvidence, MapEvidence

RNG = np.random.default_rng(3)
PICTURE, ORIGINAL = RNG.integers(0, 256, (2, 16, 20, 3), dtype=np.uint8)
MASK = np.zeros((16, 20), bool)
MASK[3:9, 4:12] = True
MAP = RNG.random((16, 20))
BY_KEY = {metric.key: metric for metric in BUILT_IN}


@pytest.mark.parametrize(
    ("function", "key"),
    [
        ("pixel_auc", "auc"), ("pixel_ap", "ap"), ("pixel_f1", "f1"), ("pixel_f1_best", "f1_best"),
        ("pixel_iou", "iou"), ("pixel_mcc", "mcc"), ("pixel_acc", "pixel_acc"),
    ],
)  # fmt: skip
def test_functions_of_maps_are_the_catalogues_metrics(function, key):
    measure = getattr(safebench, function)
    expected = BY_KEY[key].compute(MapEvidence(MAP, MASK))
    assert measure(MAP, MASK) == expected
    assert measure(torch.from_numpy(MAP), MASK.astype(np.uint8) * 255) == expected
    assert measure(MAP.tolist(), MASK.astype(float)) == expected


def test_functions_of_maps_say_what_scikit_learn_says():
    truth, found = MASK.ravel(), MAP.ravel()
    assert safebench.pixel_auc(MAP, MASK) == pytest.approx(roc_auc_score(truth, found))
    assert safebench.pixel_ap(MAP, MASK) == pytest.approx(average_precision_score(truth, found))
    for function, theirs in (("f1", f1_score), ("iou", jaccard_score), ("mcc", matthews_corrcoef)):
        assert getattr(safebench, f"pixel_{function}")(MAP, MASK) == pytest.approx(theirs(truth, found >= 0.5))


@pytest.mark.parametrize("key", ["psnr", "ssim", "l1", "known_changed"])
def test_functions_of_pictures_are_the_catalogues_metrics(key):
    mask = [MASK] if key == "known_changed" else []
    expected = BY_KEY[key].compute(CompositeEvidence(PICTURE, ORIGINAL, MASK))
    assert getattr(safebench, key)(PICTURE, ORIGINAL, *mask) == expected


def test_a_mask_makes_quality_that_of_the_hole():
    within = CompositeEvidence(PICTURE, ORIGINAL, MASK)
    assert safebench.psnr(PICTURE, ORIGINAL, MASK) == BY_KEY["psnr_hole"].compute(within)
    assert safebench.l1(PICTURE, ORIGINAL, MASK) == BY_KEY["l1_hole"].compute(within)
    assert safebench.psnr(ORIGINAL, ORIGINAL) == math.inf
    assert math.isnan(safebench.psnr(PICTURE, ORIGINAL, np.zeros_like(MASK)))


def test_lpips_is_nothing_between_a_picture_and_itself():
    large = np.repeat(np.repeat(PICTURE, 4, 0), 4, 1)
    assert safebench.lpips(large, large, "squeeze") == 0
    assert safebench.lpips(large, 255 - large, "squeeze") > 0


def test_functions_of_scores():
    forged, originals = [0.9, 0.4, 0.7], [0.1, 0.6]
    assert safebench.image_auc(forged, originals) == pytest.approx(roc_auc_score([1, 1, 1, 0, 0], forged + originals))
    assert safebench.detection_rate(forged) == pytest.approx(2 / 3)
    assert safebench.detection_rate(originals, threshold=0.05) == 1
    assert safebench.detection_rate_at_5(forged, originals) == pytest.approx(2 / 3)
    assert safebench.ece([1.0], [0.0]) == 0
    assert safebench.ece([0.0], [1.0]) == 1
    assert math.isnan(safebench.image_auc(forged, []))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: safebench.pixel_auc(MAP * 255, MASK), r"the map leaves \[0, 1\].*nothing is clipped"),
        (lambda: safebench.pixel_auc(MAP * np.nan, MASK), r"the map leaves \[0, 1\]"),
        (lambda: safebench.pixel_f1(MAP[:8], MASK), "the map is 8 x 20 and the mask 16 x 20"),
        (lambda: safebench.pixel_f1(MAP[None], MASK), "the map is 1 x 16 x 20"),
        (lambda: safebench.pixel_f1(MAP, MASK * 0.5), "the mask has other values than 0 and 1"),
        (lambda: safebench.pixel_f1(MAP, MASK[None]), "the mask is 1 x 16 x 20; it has to be H x W"),
        (lambda: safebench.pixel_f1("map.png", MASK), "the map is a name, 'map.png'; read the file first"),
        (lambda: safebench.pixel_f1(MAP, "mask.png"), "the mask is a name, 'mask.png'"),
        (lambda: safebench.pixel_f1([[1, 2], [3]], MASK), "the map makes no array .*it has to be floats"),
        (lambda: safebench.pixel_f1(np.zeros((0, 0)), np.zeros((0, 0), bool)), "it has no pixel"),
        (lambda: safebench.psnr(Path("a.png"), ORIGINAL), "the picture is a name, .*a.png"),  # type: ignore[arg-type]
        (lambda: safebench.ssim(PICTURE, "b.png"), "the original is a name"),
        (lambda: safebench.ssim("a.png", "b.png"), "the picture is a name"),
        (lambda: safebench.psnr(PICTURE / 255, ORIGINAL), r"the picture is float64, .*byte\(\)"),
        (lambda: safebench.psnr(PICTURE, ORIGINAL[..., 0]), "the original is uint8, 16 x 20; it has to be uint8, H x"),
        (lambda: safebench.psnr(PICTURE, ORIGINAL[:8]), "sizes differ: picture 16 x 20, original 8 x 20"),
        (lambda: safebench.ssim(PICTURE[:8], ORIGINAL[:8]), "at least 11 pixels a side, not 8 x 20 x 3"),
        (lambda: safebench.image_auc([[0.5]], [0.5]), "forged is 1 x 1; scores have to be a list"),
        (lambda: safebench.detection_rate([3.0]), r"scores leaves \[0, 1\]"),
    ],
)
def test_misuse_is_told_in_a_sentence(call, says):
    with pytest.raises(InputError, match=says):
        call()
