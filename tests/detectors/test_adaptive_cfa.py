"""Adaptive CFA: simulated mosaics, what the network learns from them, and blocks that do not follow the picture's."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safebench_detectors.adaptive_cfa import consistency, mosaics
from safebench_detectors.adaptive_cfa.network import block_evidence, positions
from safebench_detectors.adaptive_cfa.recipe import Options, Recipe
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

from safebench.errors import WeightsError
from safebench.models import calling, registry
from safebench.models.toolbox import strips
from safebench.testing import DetectorContract, inputs
from safebench.weights.read.checkpoints import load_metadata, load_state

REDS = [(0, 0), (0, 1), (1, 0), (1, 1)]
SIZE = (160, 192)


class TestContract(DetectorContract):
    name = "adaptive-cfa"


def levels(picture):
    return np.rint(picture * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def scene():
    return mosaics.without_trace(inputs.photos(1, (2 * SIZE[0], 2 * SIZE[1]))[0])


@pytest.fixture(scope="module")
def taken(scene):
    """The scene, demosaiced bilinearly."""
    return levels(mosaics.demosaiced(scene, (0, 1), mosaics.bilinear))


@pytest.fixture(scope="module")
def hole():
    hole = np.zeros(SIZE, bool)
    hole[48:112, 60:140] = True
    return hole


@pytest.fixture(scope="module")
def detector():
    return calling.load_detector("adaptive-cfa", device="cpu")


def look(detector, image):
    found = calling.detect(detector, image[None])
    return found.maps[0], found.scores[0]


@pytest.mark.parametrize("red", REDS)
@pytest.mark.parametrize("demosaicing", [*mosaics.LEARNED, mosaics.variable_gradients])
def test_what_the_sensor_sees_stays_and_the_rest_comes_near(scene, red, demosaicing):
    made = mosaics.demosaiced(scene, red, demosaicing)
    masks = mosaics.colour_masks(scene.shape, red)
    assert (masks.sum(axis=2) == 1).all()
    assert masks[red][0]
    assert masks[1 - red[0], 1 - red[1]][2]
    inner = np.s_[4:-4, 4:-4]
    difference = np.abs(made - scene)[inner]
    assert difference[masks[inner]].max() <= 0.5001 / 255  # of one that works with 8 bits
    assert 0 < difference[~masks[inner]].mean() < 0.03


@pytest.mark.parametrize("demosaicing", [mosaics.bilinear, mosaics.malvar, mosaics.hamilton_adams])
def test_a_grey_ramp_is_kept(demosaicing):
    ramp = np.add.outer(np.linspace(0.1, 0.4, 24), np.linspace(0.1, 0.5, 30)).astype(np.float32)
    made = mosaics.demosaiced(ramp[..., None].repeat(3, axis=2), (1, 0), demosaicing)
    np.testing.assert_allclose(made[4:-4, 4:-4], ramp[4:-4, 4:-4, None].repeat(3, axis=2), atol=1e-6)


def test_malvars_filters_are_the_papers():
    """Red at green in red's row: figure 2 of the paper, whose numbers are eighths."""
    for row, column in np.ndindex(5, 5):
        impulse = np.zeros((9, 9), np.float32)
        impulse[2 + row, 2 + column] = 1
        red = mosaics.malvar(impulse, (0, 1))[4, 4, 0]  # (4, 4) sees green, beside red
        paper = np.array(
            [[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0]]
        )
        assert red == pytest.approx(paper[row, column] / 8, abs=1e-6)


def test_evidence_of_blocks_is_that_of_a_loop():
    logits = torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    shares = logits.log_softmax(1)
    evidence = block_evidence(logits)
    assert evidence.shape == (2, 4, 2, 3)
    for k, red in enumerate(REDS):
        expected = sum(
            shares[1, 2 * ((y - red[0]) % 2) + (x - red[1]) % 2, 2 + y, 4 + x] for y in (0, 1) for x in (0, 1)
        )
        torch.testing.assert_close(evidence[1, k, 1, 2], expected)
    certain = 20 * torch.nn.functional.one_hot(positions(torch.tensor([2]), (4, 6)), 4).permute(0, 3, 1, 2).float()
    assert (block_evidence(certain).argmax(1) == 2).all()


@pytest.mark.parametrize("demosaicing", [mosaics.bilinear, mosaics.edge_aware, mosaics.variable_gradients])
def test_a_patch_that_is_shifted_by_one_pixel_is_found(detector, scene, hole, demosaicing):
    made = levels(mosaics.demosaiced(scene, (1, 0), demosaicing))
    map_, score = look(detector, np.where(hole[..., None], np.roll(made, 1, axis=1), made))
    assert roc_auc_score(hole.ravel(), map_.ravel()) > 0.9
    assert map_[~hole].mean() < 0.15
    assert score > 0.9


def test_a_patch_that_keeps_the_mosaic_is_not(detector, taken, hole):
    map_, score = look(detector, np.where(hole[..., None], np.roll(taken, (4, 2), axis=(0, 1)), taken))
    assert map_.mean() < 0.05
    assert score < 0.5


def test_a_patch_without_a_mosaic_is_found(detector, scene, taken, hole):
    smaller = cv2.resize(levels(scene), None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    elsewhere = np.pad(smaller, [(0, SIZE[0] - smaller.shape[0]), (0, SIZE[1] - smaller.shape[1]), (0, 0)], "reflect")
    map_, score = look(detector, np.where(hole[..., None], elsewhere, taken))
    assert roc_auc_score(hole.ravel(), map_.ravel()) > 0.8
    assert score > 0.5


def test_what_telea_fills_stands_out_of_the_map(detector, taken, hole):
    filled = cv2.inpaint(np.ascontiguousarray(taken), hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    assert roc_auc_score(hole.ravel(), look(detector, filled)[0].ravel()) > 0.7


def test_untouched_pictures_and_those_without_a_mosaic_are_not_flagged(detector, scene, taken):
    assert look(detector, taken)[1] < 0.5
    grey = levels(scene.mean(axis=2, keepdims=True).repeat(3, axis=2))
    buffer = io.BytesIO()
    Image.fromarray(levels(scene)).save(buffer, "JPEG", quality=75)
    compressed = np.asarray(Image.open(buffer))
    for image in (levels(scene), grey):
        map_, score = look(detector, image)
        assert not map_.any()
        assert score == 0
    assert look(detector, compressed)[1] < 0.5  # the colours of a JPEG have a period of two pixels of their own


def test_an_odd_last_row_and_column_have_their_neighbours_values(detector, taken, hole):
    forged = np.where(hole[..., None], np.roll(taken, 1, axis=0), taken)[:-1, :-1]
    map_, _ = look(detector, forged)
    assert map_.shape == (SIZE[0] - 1, SIZE[1] - 1)
    np.testing.assert_array_equal(map_[-1], map_[-2])
    np.testing.assert_array_equal(map_[:, -1], map_[:, -2])
    assert roc_auc_score(hole[:-1, :-1].ravel(), map_.ravel()) > 0.9


def test_neither_strips_nor_threads_change_the_map(detector, taken, hole, monkeypatch):
    forged = np.where(hole[..., None], np.roll(taken, 1, axis=0), taken)
    map_, score = look(detector, forged)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        np.testing.assert_allclose(look(detector, forged)[0], map_, atol=1.5 / 65535)
    finally:
        torch.set_num_threads(threads)
    monkeypatch.setattr(strips, "PIXELS", 60 * SIZE[1])
    in_strips = look(detector, forged)
    np.testing.assert_allclose(in_strips[0], map_, atol=1e-3)
    assert in_strips[1] == pytest.approx(score, abs=1e-3)


def test_clipped_and_flat_blocks_tell_nothing():
    image = np.random.default_rng(0).integers(3, 253, (6, 8, 3), dtype=np.uint8)
    image[0, 0, 1], image[3, 5, 0], image[4:6, 2:4] = 0, 255, 77
    expected = np.ones((3, 4), bool)
    expected[0, 0] = expected[1, 2] = expected[2, 1] = False
    np.testing.assert_array_equal(consistency.telling_blocks(image), expected)


def test_chance_is_no_mosaic():
    """Of blocks whose evidence is as strong as can be, and says anything."""
    drawn = np.random.default_rng(0).integers(0, 4, (60, 80))
    evidence = 10.0 * (drawn == np.arange(4)[:, None, None]).astype(np.float32)
    telling = np.ones((60, 80), bool)
    assert not consistency.inconsistency(evidence, telling).any()
    mixed = evidence.copy()
    mixed[:, :, :60] = 0
    mixed[3, :, :60] = 10
    map_ = consistency.inconsistency(mixed, telling)
    assert map_[:, :48].max() < 0.01
    assert map_[:, 68:].min() > 0.99
    assert not consistency.inconsistency(mixed, ~telling).any()


def test_a_few_steps_teach_where_red_is(tmp_path):
    torch.manual_seed(0)
    recipe = Recipe(registry.find("detectors", "adaptive-cfa")[0].card, Options(learning_rate=1e-2))
    networks = recipe.build()
    optimiser = recipe.optimisers(networks)["network"]
    photo, hole = inputs.photos(1, (96, 96))[0], np.zeros((96, 96), bool)
    examples = [recipe.example(photo, hole, np.random.default_rng(seed)) for seed in range(4)]
    again = recipe.example(photo, hole, np.random.default_rng(3))
    assert all(torch.equal(again[key], examples[3][key]) for key in again)
    batch = {key: torch.stack([example[key] for example in examples]) for key in again}

    def update(name, loss):
        assert name == "network"
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    for _ in range(60):
        recipe.step(networks, batch, update)
    with torch.no_grad():
        assert recipe.validate(networks, batch)["accuracy"].mean() > 0.35
        shown = recipe.preview(networks, batch)
    assert {tuple(picture.shape) for picture in shown.values()} == {(4, 3, 48, 48)}
    save_file(recipe.product(networks), tmp_path / "trained.safetensors")
    calling.load_detector("adaptive-cfa", weights=tmp_path / "trained.safetensors", device="cpu")
    save_file({"first.row.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="does not fit"):
        calling.load_detector("adaptive-cfa", weights=tmp_path / "other.safetensors", device="cpu")


def test_what_ships_is_small_and_says_how_it_was_made():
    entry = registry.find("detectors", "adaptive-cfa")[0]
    path = entry.folder / entry.card.weights[0].shipped
    assert path.stat().st_size < 1_000_000
    assert {value.dtype for value in load_state(path).values()} == {torch.float16}
    assert load_metadata(path)["model"] == "adaptive-cfa"
