from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    jaccard_score,
    matthews_corrcoef,
    precision_recall_curve,
    roc_auc_score,
)

from safebench.errors import ModelError
from safebench.metrics.auc import pixel_auc
from safebench.metrics.catalogue import DEFAULT, measure
from safebench.metrics.evidence import MapEvidence


def localise(scores: np.ndarray, mask: np.ndarray) -> SimpleNamespace:
    """All metrics of localisation by their keys."""
    metrics = [m for m in DEFAULT if m.subject == "localisation" and m.over == "inpainted"]
    return SimpleNamespace(**measure(metrics, MapEvidence(scores, mask)))


SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
# few values, so that ties abound, between them the threshold's neighbours, both zeros and a subnormal
FEW = st.sampled_from(np.array([0.0, -0.0, 1e-45, 0.25, 0.49999997, 0.5, 0.75, 1.0], dtype=np.float32).tolist())
MANY = st.floats(0, 1, width=32)


@st.composite
def maps_and_masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SHAPES)
    values = draw(st.sampled_from([FEW, MANY]))
    scores = draw(hnp.arrays(np.float32, shape, elements=values))
    kind = draw(st.sampled_from(["any", "any", "any", "empty", "full"]))
    mask = draw(hnp.arrays(np.bool_, shape)) if kind == "any" else np.full(shape, kind == "full")
    return scores, mask


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=150)
@given(maps_and_masks())
def test_equals_scikit_learn(pair):
    scores, mask = pair
    found = localise(scores, mask)
    truth, called = mask.ravel(), (scores >= 0.5).ravel()
    assert found.f1 == pytest.approx(f1_score(truth, called, zero_division=0), abs=1e-12)
    assert found.iou == pytest.approx(jaccard_score(truth, called, zero_division=0), abs=1e-12)
    assert found.pixel_acc == pytest.approx(accuracy_score(truth, called), abs=1e-12)
    if mask.all() or not mask.any():
        assert math.isnan(found.auc)
    else:
        assert found.auc == pytest.approx(roc_auc_score(truth, scores.ravel()), abs=1e-12)
    assert found.mcc == pytest.approx(matthews_corrcoef(truth, called), abs=1e-12)
    assert found.auc == pixel_auc(scores, mask) or math.isnan(found.auc)


@settings(max_examples=150)
@given(maps_and_masks())
def test_f1_best_is_the_best_point_of_the_precision_recall_curve(pair):
    scores, mask = pair
    found = localise(scores, mask)
    if not mask.any():
        assert found.f1_best == 0
        return
    precision, recall, _ = precision_recall_curve(mask.ravel(), scores.ravel())
    with np.errstate(invalid="ignore"):
        curve = np.nan_to_num(2 * precision * recall / (precision + recall))
    assert found.f1_best == pytest.approx(curve.max(), abs=1e-12)
    assert found.f1_best >= found.f1


@settings(max_examples=100)
@given(maps_and_masks())
def test_auc_is_the_share_of_pairs_ranked_rightly(pair):
    scores, mask = pair
    hole, rest = scores[mask].astype(np.float64), scores[~mask].astype(np.float64)
    wins = sum((h > r) + 0.5 * (h == r) for h in hole for r in rest)
    if hole.size and rest.size:
        assert pixel_auc(scores, mask) == wins / (hole.size * rest.size)
    else:
        assert math.isnan(pixel_auc(scores, mask))


@settings(max_examples=50)
@given(maps_and_masks())
def test_swapping_hole_and_background_mirrors_the_auc(pair):
    scores, mask = pair
    auc, mirrored = pixel_auc(scores, mask), pixel_auc(scores, ~mask)
    assert (math.isnan(auc) and math.isnan(mirrored)) or auc + mirrored == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("kind", ["continuous", "8 bit", "two values", "constant"])
@pytest.mark.parametrize("ratio", [0.001, 0.35, 0.6])
def test_equals_scikit_learn_at_full_size(kind, ratio):
    generator = np.random.default_rng(7)
    mask = generator.random((256, 256)) < ratio
    noise = (generator.random((256, 256)) + 0.3 * mask) / 1.3
    maps = {"continuous": noise, "8 bit": np.rint(noise * 255) / 255, "two values": noise > 0.5, "constant": noise * 0}
    scores = maps[kind].astype(np.float32)
    assert pixel_auc(scores, mask) == pytest.approx(roc_auc_score(mask.ravel(), scores.ravel()), abs=1e-12)
    assert localise(scores, mask).mcc == pytest.approx(matthews_corrcoef(mask.ravel(), scores.ravel() >= 0.5))


def test_a_constant_map_says_nothing():
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 2:5] = True
    for value in (0.0, 0.2, 0.5, 1.0):
        found = localise(np.full((8, 8), value, dtype=np.float32), mask)
        assert found.auc == 0.5
        assert found.mcc == 0


def test_a_perfect_map_gets_full_marks_and_its_opposite_none():
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 2:5] = True
    right = localise(mask.astype(np.float32), mask)
    assert (right.auc, right.f1, right.f1_best, right.iou, right.mcc, right.pixel_acc) == (1, 1, 1, 1, 1, 1)
    wrong = localise((~mask).astype(np.float32), mask)
    assert (wrong.auc, wrong.f1, wrong.iou, wrong.mcc, wrong.pixel_acc) == (0, 0, 0, -1, 0)


def test_reads_maps_that_do_not_lie_in_one_piece():
    generator = np.random.default_rng(1)
    scores, mask = generator.random((20, 30), dtype=np.float32), generator.random((20, 30)) < 0.4
    assert localise(scores[::2, ::-3], mask[::2, ::-3]) == localise(scores[::2, ::-3].copy(), mask[::2, ::-3].copy())


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_keep_their_precision(dtype):
    generator = np.random.default_rng(2)
    scores, mask = generator.random((50, 50)).astype(dtype), generator.random((50, 50)) < 0.4
    expected = roc_auc_score(mask.ravel(), scores.ravel().astype(np.float64))
    assert pixel_auc(scores, mask) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("measure", [localise, pixel_auc])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.0000001, -1e-45, 2.0])
@pytest.mark.parametrize("inside", [True, False])
def test_a_map_that_breaks_the_contract_is_refused(measure, value, inside):
    scores, mask = np.full((4, 5), 0.5, dtype=np.float32), np.zeros((4, 5), dtype=bool)
    mask[1:3, 1:3] = True
    scores[(1, 1) if inside else (0, 0)] = value
    with pytest.raises(ModelError, match=r"leaves \[0, 1\]"):
        measure(scores, mask)


@pytest.mark.parametrize("measure", [localise, pixel_auc])
def test_a_map_of_another_size_is_refused(measure):
    with pytest.raises(ModelError, match=r"\(4, 5\).*\(5, 4\)"):
        measure(np.zeros((4, 5), dtype=np.float32), np.zeros((5, 4), dtype=bool))


def test_a_mask_of_numbers_is_refused():
    with pytest.raises(TypeError, match="uint8"):
        localise(np.zeros((4, 5), dtype=np.float32), np.full((4, 5), 255, dtype=np.uint8))
