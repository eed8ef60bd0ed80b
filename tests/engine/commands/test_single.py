"""One image at the terminal: `safebench detect` and `safebench inpaint`."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from safebench.cli.app import app
from safebench.errors import ConfigError, ImageError
from safebench.inputs.images import overlay, read_photo, read_profile, save_png
from safebench.models.calling import top1_mean
from safebench.models.registry import find
from safebench.testing import inputs


@pytest.fixture
def picture(tmp_path):
    save_png(tmp_path / "picture.png", inputs.photos(1, (64, 96))[0])
    return tmp_path / "picture.png"


def detect(*arguments):
    return CliRunner().invoke(app, ["detect", *map(str, arguments)], catch_exceptions=False)


def test_score_is_printed_map_and_overlay_are_written(picture, tmp_path, recwarn):
    files = ["--out", tmp_path / "map.png", "--raw", tmp_path / "map.npy"]
    printed = detect("--detector", "laplacian", "--image", picture, *files).stdout
    raw = np.load(tmp_path / "map.npy")
    assert raw.shape == (64, 96)
    assert f"score {top1_mean(raw):.4f}" in printed
    for name in ("map.png", "map.overlay.png"):
        assert str(tmp_path / name) in printed
    np.testing.assert_array_equal(read_photo(tmp_path / "map.overlay.png"), overlay(read_photo(picture), raw, 0.5))
    assert not [warning for warning in recwarn if "writable" in str(warning.message)]


def test_json_names_the_files(picture, tmp_path):
    out = ["--out", tmp_path / "map.png"]
    found = json.loads(detect("--detector", "laplacian", "--image", picture, *out, "--json").stdout)
    assert found["overlay"] == str(tmp_path / "map.overlay.png")
    assert found["confidence"] is None
    assert found["flagged"] == (found["score"] >= 0.5)


def test_weights_are_a_file_or_name_and_file(picture, tmp_path):
    own = tmp_path / "own.json"
    shutil.copy(find("detectors", "laplacian")[0].folder / "classifier.json", own)
    out = ["--out", tmp_path / "map.png"]
    for weights in (own, f"laplacian={own}", f"Laplacian-Change={own}"):
        assert detect("--detector", "laplacian", "--image", picture, *out, "--weights", weights).exit_code == 0
    with pytest.raises(ConfigError, match="'splicebuster' is not laplacian, whose weights it could name"):
        detect("--detector", "laplacian", "--image", picture, *out, "--weights", f"splicebuster={own}")


def test_overlay_is_red_where_the_map_is_high_and_outlined_at_the_threshold():
    photo, map_ = np.full((20, 20, 3), 100, np.uint8), np.zeros((20, 20), np.float32)
    map_[5:15, 5:15] = 1
    shown = overlay(photo, map_, 0.5)
    assert (shown[0, 0] == 100).all()
    assert shown[10, 10, 0] > 150 > shown[10, 10, 1]
    assert (shown[5, 5:15] == [255, 230, 0]).all()


def test_composites_say_whether_the_inpainter_looked_under_the_hole(picture, tmp_path):
    save_png(tmp_path / "mask.png", inputs.holes(1, (64, 96))[0])
    given = ["--inpainter", "telea", "--image", picture, "--mask", tmp_path / "mask.png", "--out", tmp_path / "out.png"]
    for flags, said in (([], False), (["--unblanked"], True)):
        CliRunner().invoke(app, ["inpaint", *map(str, [*given, *flags])], catch_exceptions=False)
        with Image.open(tmp_path / "out.png") as composite:
            assert ("shown to the inpainter" in str(composite.info)) == said


def test_a_composite_keeps_the_photos_colour_profile(picture, tmp_path):
    save_png(tmp_path / "mask.png", inputs.holes(1, (64, 96))[0])
    given = ["--inpainter", "telea", "--mask", tmp_path / "mask.png", "--out", tmp_path / "out.png"]
    profile = bytes(16) + b"RGB " + bytes(2 << 20)
    save_png(tmp_path / "photo.png", read_photo(picture), profile=profile)
    for image, expected in ((tmp_path / "photo.png", profile), (picture, None)):
        CliRunner().invoke(app, ["inpaint", *map(str, [*given, "--image", image])], catch_exceptions=False)
        assert read_profile(tmp_path / "out.png") == expected


def test_a_damaged_photo_is_refused(picture, tmp_path):
    photo = read_photo(picture)
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    data = (tmp_path / "photo.jpg").read_bytes()
    (tmp_path / "photo.jpg").write_bytes(data[: len(data) * 2 // 3] + b"\xff\xd9")
    with pytest.raises(ImageError, match=r"photo\.jpg: it is damaged: its pixels end early"):
        detect("--detector", "laplacian", "--image", tmp_path / "photo.jpg", "--out", tmp_path / "map.png")


def test_an_empty_mask_is_refused_and_a_full_one_told(picture, tmp_path, recwarn):
    given = ["inpaint", "--inpainter", "noise", "--image", picture, "--mask", tmp_path / "mask.png"]
    given += ["--out", tmp_path / "out.png"]
    save_png(tmp_path / "mask.png", np.zeros((64, 96), np.bool_))
    with pytest.raises(ImageError, match=r"mask\.png: it has no hole, so there is nothing to fill"):
        CliRunner().invoke(app, [*map(str, given)], catch_exceptions=False)
    assert not (tmp_path / "out.png").exists()
    save_png(tmp_path / "mask.png", np.ones((64, 96), np.bool_))
    assert CliRunner().invoke(app, [*map(str, given)], catch_exceptions=False).exit_code == 0
    assert any("mask.png: all of it is hole" in str(warning.message) for warning in recwarn)


def test_a_mask_of_many_levels_needs_a_threshold(picture, tmp_path):
    labels = np.zeros((64, 96), np.uint8)
    labels[8:30, 10:50], labels[40:60, 10:50] = 90, 150
    save_png(tmp_path / "mask.png", labels)
    given = ["inpaint", "--inpainter", "noise", "--image", picture, "--mask", tmp_path / "mask.png"]
    given += ["--out", tmp_path / "out.png"]
    with pytest.raises(ImageError, match=r"mask\.png: it has levels 0, 90, 150"):
        CliRunner().invoke(app, [*map(str, given)], catch_exceptions=False)
    with pytest.raises(ConfigError, match="--mask-threshold 0: has to lie between 1 and 255"):
        CliRunner().invoke(app, [*map(str, given), "--mask-threshold", "0"], catch_exceptions=False)
    CliRunner().invoke(app, [*map(str, given), "--mask-threshold", "100"], catch_exceptions=False)
    changed = (read_photo(tmp_path / "out.png") != read_photo(picture)).any(axis=2)
    assert changed.any()
    assert not changed[labels < 100].any()


def test_photo_and_mask_in_each_others_place_are_told(picture, tmp_path):
    save_png(tmp_path / "mask.png", inputs.holes(1, (64, 96))[0])
    files = ["--image", tmp_path / "mask.png", "--mask", picture, "--out", tmp_path / "out.png"]
    with pytest.raises(ImageError, match=r"mask\.png: it is black and white alone"):
        CliRunner().invoke(app, ["inpaint", "--inpainter", "noise", *map(str, files)], catch_exceptions=False)


def test_an_input_is_never_written_over(picture, tmp_path):
    save_png(tmp_path / "mask.png", inputs.holes(1, (64, 96))[0])
    (tmp_path / "link.png").symlink_to(picture)
    before = picture.read_bytes(), (tmp_path / "mask.png").read_bytes()
    given = ["inpaint", "--inpainter", "noise", "--image", picture, "--mask", tmp_path / "mask.png"]
    for out in (picture, tmp_path / "mask.png", tmp_path / "link.png"):
        with pytest.raises(ConfigError, match="is the file that is read"):
            CliRunner().invoke(app, [*map(str, given), "--out", str(out)], catch_exceptions=False)
    with pytest.raises(ConfigError, match="is the file that is read"):
        detect("--detector", "laplacian", "--image", picture, "--out", picture)
    shutil.copy(picture, tmp_path / "a.overlay.png")
    with pytest.raises(ConfigError, match="is the file that is read"):
        detect("--detector", "laplacian", "--image", tmp_path / "a.overlay.png", "--out", tmp_path / "a.png")
    assert (picture.read_bytes(), (tmp_path / "mask.png").read_bytes()) == before
    with pytest.raises(ConfigError, match="name another file"):
        detect("--detector", "laplacian", "--image", picture, "--out", tmp_path / "b.png", "--raw", tmp_path / "b.png")
