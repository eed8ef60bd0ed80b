"""PNG files are written whole, the same bytes each time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from safebench.inputs.images import save_png

from .pictures import (
    DEEP,
    GRAY,
    RGB,
    with_alpha,
)


def test_png_files_come_back_exactly(tmp_path):
    arrays: dict[str, Any] = {"rgb": RGB, "gray": GRAY, "bool": GRAY > 99, "deep": DEEP[:, :, 0]}
    for name, array in arrays.items():
        path = tmp_path / "new folder" / f"{name}.png"
        save_png(path, array)
        expected = array.astype(np.uint8) * 255 if array.dtype == np.bool_ else array
        with Image.open(path) as image:
            back = np.asarray(image)
        assert back.dtype == expected.dtype
        np.testing.assert_array_equal(back, expected)
    assert sorted(p.name for p in (tmp_path / "new folder").iterdir()) == [
        "bool.png",
        "deep.png",
        "gray.png",
        "rgb.png",
    ]


def test_png_files_hold_their_text_and_are_the_same_bytes_each_time(tmp_path):
    save_png(tmp_path / "a.png", RGB, {"Software": "SafeBench", "Inpainter": "télea 漢"})
    save_png(tmp_path / "b.png", RGB, {"Inpainter": "télea 漢", "Software": "SafeBench"})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.info == {"Software": "SafeBench", "Inpainter": "télea 漢"}


def test_what_is_no_picture_is_not_written(tmp_path):
    arrays: list[Any] = [RGB.astype(np.float32), with_alpha(RGB, 255), RGB[0, 0], DEEP]
    for array in arrays:
        with pytest.raises(ValueError, match="cannot be written"):
            save_png(tmp_path / "x.png", array)
    assert not list(tmp_path.iterdir())


def test_a_png_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    save_png(tmp_path / "a.png", GRAY)
    before = (tmp_path / "a.png").read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safebench.files.os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        save_png(tmp_path / "a.png", RGB)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.png", before)]
