"""Folders of images: `safebench detect DIR` and `safebench inpaint DIR`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from safebench.cli.app import app
from safebench.commands.ledger import Ledger
from safebench.errors import FileError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos of two sizes, one of them in a folder below; a file that is no image, and masks elsewhere."""
    rng = np.random.default_rng(0)
    for name, (height, width) in {"a.png": (48, 64), "sub/b.jpg": (64, 48)}.items():
        pixels = rng.integers(0, 255, (height // 8, width // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        mask = np.zeros((height, width), np.uint8)
        mask[8:20, 8:30] = 255
        places = {tmp_path / "photos" / name: pixels, (tmp_path / "masks" / name).with_suffix(".png"): mask}
        for path, levels in places.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels).save(path)
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "photos"


def lines(out: Path) -> dict[str, dict[str, str]]:
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        return {line["image"]: line for line in csv.DictReader(file)}


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_detect_writes_a_line_and_a_map_for_every_image_and_goes_on_where_it_stopped(photos, tmp_path):
    out = tmp_path / "found"
    command = ("detect", photos, "--detector", "laplacian", "--out", out, "--device", "cpu")
    status, output = call(*command)
    assert status == 3, "one image failed"
    assert "3 images, 1 of them failed" in output
    first = lines(out)
    assert list(first) == ["a.png", "broken.png", "sub/b.jpg"]
    assert "no image that is known here" in first["broken.png"]["error"]
    assert 0 <= float(first["a.png"]["score"]) <= 1
    assert Image.open(out / first["sub/b.jpg"]["map"]).size == (48, 64)
    maps = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    (out / first["a.png"]["map"]).unlink()
    Image.open(photos / "a.png").save(photos / "broken.png")
    status, _ = call(*command)
    assert status == 0
    second = lines(out)
    assert second["a.png"] == first["a.png"]
    assert second["broken.png"]["score"] == first["a.png"]["score"]
    kept = out / first["sub/b.jpg"]["map"]
    assert kept.stat().st_mtime_ns == maps[kept], "what is there is not done again"


def test_inpaint_fills_every_photo_by_the_mask_of_its_name(photos, tmp_path):
    (photos / "broken.png").unlink()
    Image.new("RGB", (40, 40), "red").save(photos / "alone.png")
    out = tmp_path / "filled"
    status, _ = call("inpaint", photos, "--inpainter", "telea", "--mask", tmp_path / "masks", "--out", out)
    found = lines(out)
    assert status == 3
    assert found["alone.png"]["error"] == "alone.png: there is no mask of its name"
    for name in ("a.png", "sub/b.jpg"):
        photo, filled = (np.asarray(Image.open(p)) for p in (photos / name, out / found[name]["picture"]))
        hole = np.asarray(Image.open((tmp_path / "masks" / name).with_suffix(".png"))) > 0
        assert (filled[~hole] == photo[~hole]).all()
        assert (filled[hole] != photo[hole]).any()


def test_masks_may_lie_beside_their_photos(photos, tmp_path):
    (photos / "broken.png").unlink()
    (photos / "sub" / "b.jpg").unlink()
    Image.open(tmp_path / "masks" / "a.png").save(photos / "a_mask.png")
    status, _ = call("inpaint", photos, "--inpainter", "telea", "--out", tmp_path / "filled")
    assert status == 0
    assert list(lines(tmp_path / "filled")) == ["a.png"]


def test_a_line_that_was_cut_off_is_written_anew_and_another_file_refused(tmp_path):
    ledger = Ledger(tmp_path, ("image", "error"))
    ledger.write({"image": "a,b.png", "error": ""})
    with ledger.path.open("a", encoding="utf-8") as file:
        file.write("c.png")
    again = Ledger(tmp_path, ("image", "error"))
    assert again.line("a,b.png") is not None
    assert again.line("c.png") is None
    again.write({"image": "c.png", "error": "why"})
    assert list(lines(tmp_path)) == ["a,b.png", "c.png"]
    with pytest.raises(FileError, match=r"no results\.csv of this command"):
        Ledger(tmp_path, ("image", "score"))


def test_large_images_are_looked_at_in_tiles(photos, tmp_path):
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (64, 140, 3), np.uint8)).save(photos / "a.png")
    (photos / "broken.png").unlink()
    command = ("detect", photos, "--detector", "laplacian", "--out", tmp_path / "found", "--device", "cpu")
    call(*command)
    whole = lines(tmp_path / "found")
    assert call(*command, "--tile", "64")[0] == 0
    tiled = lines(tmp_path / "found")
    assert whole["a.png"]["detector_id"] != tiled["a.png"]["detector_id"]
    assert Image.open(tmp_path / "found" / tiled["a.png"]["map"]).size == (140, 64)
    assert whole["sub/b.jpg"]["score"] == tiled["sub/b.jpg"]["score"], "no larger than a tile"
    one = ("detect", "--image", photos / "a.png", "--detector", "laplacian", "--out", tmp_path / "map.png", "--json")
    assert json.loads(call(*one, "--tile", "64")[1])["score"] == float(tiled["a.png"]["score"])
    result = CliRunner().invoke(app, ["detect", str(photos), "--detector", "laplacian", "--out", "x", "--tile", "8"])
    assert "--tile 8: has to be at least 64 pixels" in str(result.exception)
