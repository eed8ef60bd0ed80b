"""Runs in which every photo keeps its own size, and holes are brought to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

import safebench
from safebench.errors import ConfigError
from safebench.inputs.images.square import stretched_mask
from safebench.results.comparing import terms
from safebench.results.submitting import submit


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three photos of two sizes, and one that is too small."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, (height, width) in {"a": (48, 64), "b": (64, 48), "c": (48, 64), "tiny": (20, 20)}.items():
        pixels = rng.integers(0, 255, (height // 4, width // 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_photos_keep_their_size_and_holes_their_share(photos, tmp_path):
    results = safebench.run(
        images=photos, inpainters=["telea"], detectors=["laplacian"], size="native", bins="20-30", keep_maps=True,
        lpips_net="squeeze", device="cpu", out=tmp_path / "run",
    )  # fmt: skip
    assert [error.split(": ")[-1] for error in results.failures["error"]] == [
        "it has 20x20 pixels; a photo needs at least 32 on each side"
    ]
    samples = results.samples.set_index("sample")
    for row in results.detection[
        (results.detection["inpainter"] == "telea") & (results.detection["error"] == "")
    ].to_dict("records"):
        photo = np.asarray(Image.open(photos / samples.loc[row["sample"], "photo_name"]))
        hole = np.asarray(Image.open(results.folder / samples.loc[row["sample"], "mask"])) > 0
        scores = np.asarray(Image.open(results.folder / row["map"])) / 65535
        assert photo.shape[:2] == hole.shape == scores.shape
        assert 0.19 < hole.mean() < 0.31
        assert row["auc"] == pytest.approx(roc_auc_score(hole.ravel(), scores.ravel()), abs=1e-3)
    assert len(results.quality.query("error == ''")) == 3
    assert terms(results).labels["size"] == "each its own"
    _, verdict = submit(results.folder, tmp_path / "handed-in.zip", seed=3)
    assert not verdict.problems


def test_a_mask_is_stretched_by_the_nearest_pixel():
    mask = np.zeros((4, 4), bool)
    mask[:, 2:] = True
    assert (stretched_mask(mask, 2, 8) == [[False] * 4 + [True] * 4] * 2).all()
    assert (stretched_mask(mask, 4, 4) == mask).all()


@pytest.mark.parametrize("size", ["natural", 31, 5000])
def test_other_sizes_are_refused(size):
    with pytest.raises(ConfigError, match="size"):
        safebench.run(inpainters=["telea"], size=size)
