"""Pictures that are to be turned go out as they lie, and their maps are turned when they come back."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safebench.exchange.turned import as_it_lies, orientation
from safebench.inputs.images import read_photo
from safebench.models import calling
from safebench.testing import inputs

LOOK = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image, ImageOps
for file in Path(sys.argv[1], "pictures").iterdir():
    image = Image.open(file)
    gray = np.asarray((ImageOps.exif_transpose(image) if sys.argv[3] == "turns" else image).convert("L")) / 255
    np.savez(Path(sys.argv[2], file.stem + ".npz"), map=gray, conf=1 - gray, score=0.5)
"""


def turned_file(path: Path, value: int) -> Path:
    exif = Image.Exif()
    exif[0x010E] = "a text before it"
    exif[0x0112] = value
    Image.fromarray(inputs.photos(1, (40, 72))[0]).save(path, exif=exif)
    return path


@pytest.mark.parametrize("way", ["turns", "does not"])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_map_lies_as_the_picture_does_whether_a_program_turns_pictures_or_not(tmp_path: Path, way: str, suffix: str):
    (tmp_path / "look.py").write_text(LOOK)
    command = f'command = ["{sys.executable}", "look.py", "{{input}}", "{{output}}", "{way}"]'
    (tmp_path / "x.toml").write_text(command)
    detector = calling.load_detector(f"command:{tmp_path / 'x.toml'}", device="cpu")
    for value in range(1, 9):
        path = turned_file(tmp_path / f"{value}{suffix}", value)
        found = detector.detect_files([path])
        assert found.confidence is not None
        gray = np.asarray(Image.fromarray(read_photo(path)).convert("L")) / 255
        np.testing.assert_allclose(found.maps[0].numpy(), gray, atol=1e-6)
        np.testing.assert_allclose(found.confidence[0].numpy(), 1 - gray, atol=1e-6)


def test_a_jpeg_keeps_all_but_how_it_is_to_be_turned(tmp_path: Path):
    straight = turned_file(tmp_path / "1.jpg", 1).read_bytes()
    assert as_it_lies(turned_file(tmp_path / "6.jpg", 6).read_bytes(), ".jpg") == (straight, ".jpg")
    assert as_it_lies(straight, ".jpg") == (straight, ".jpg")


def test_broken_exif_data_turn_nothing(tmp_path: Path):
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert orientation(data.getvalue()) == 1
    assert as_it_lies(data.getvalue(), ".jpg") == (data.getvalue(), ".jpg")
