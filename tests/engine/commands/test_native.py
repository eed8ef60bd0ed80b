"""Runs in which every photo keeps its own size, and holes are brought to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

import safebench
from safebench.errors import ConfigError
from safebench.inputs.images.square import stretched_mask
from safebench.results.comparing import terms
from safebench.results.reporting import write_report
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
    assert terms(results.stored).labels["size"] == "each its own"
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


def test_large_photos_are_looked_at_in_tiles_that_never_meet_results_of_whole_ones(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, (height, width) in {"large": (96, 150), "small": (64, 64)}.items():
        pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    options: dict[str, Any] = {
        "images": folder, "inpainters": ["telea"], "detectors": ["laplacian"], "size": "native", "bins": "20-30",
        "keep_maps": True, "lpips_net": "squeeze", "device": "cpu", "out": tmp_path / "run",
    }  # fmt: skip
    whole = safebench.run(**options)
    tiled = safebench.run(**options, tile=64)
    assert not len(tiled.failures)
    assert not set(whole.detection["key"]) & set(tiled.detection["key"])
    both = whole.detection.merge(tiled.detection, on=["sample", "inpainter"])
    same = both["score_x"] == both["score_y"]
    assert same[both["sample"].str.contains("small")].all(), "no larger than a tile"
    assert not same[both["sample"].str.contains("large")].all()
    assert (whole.record.detectors["laplacian"].tile, tiled.record.detectors["laplacian"].tile) == (0, 64)
    page = re.sub("<[^>]*>", "", write_report([tiled.stored], tmp_path / "report", "html").read_text("utf-8"))
    assert "laplacian looked at pictures with a side over 64 pixels in tiles of that side" in page
    _, verdict = submit(tiled.folder, tmp_path / "handed-in.zip", seed=3)
    assert not verdict.problems
    again = safebench.run(**options)
    pd.testing.assert_frame_equal(again.detection, whole.detection)


def test_tiles_are_refused_where_they_mean_nothing(tmp_path):
    options: dict[str, Any] = {"inpainters": ["telea"], "out": tmp_path / "run"}
    with pytest.raises(ConfigError, match=r"tile=512: belongs to --size native"):
        safebench.run(**options, tile=512)
    with pytest.raises(ConfigError, match=r"--tile 63: has to be at least 64 pixels"):
        safebench.run(**options, tile=63, size="native")
    (tmp_path / "maps").mkdir()
    with pytest.raises(ConfigError, match=r"--tile 64: files reads pictures' files"):
        safebench.run(**options, tile=64, size="native", detectors=[f"mine=files:{tmp_path / 'maps'}"])
