"""What SafeBench made is known again, and never taken for photos."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safebench.errors import DataError
from safebench.inputs.images import save_png
from safebench.inputs.own import NOTE, has_note, is_own_folder
from safebench.inputs.photos import open_photos

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)


def picture(path: Path, note: str = "") -> Path:
    save_png(path, PICTURE, {NOTE: note} if note else {"Comment": "SafeBench"})
    return path


def run_folder(folder: Path) -> Path:
    for name in ("originals/a.png", "masks/a.png", "maps/telea/x/a.png", "report/gallery/a.0123456789.png"):
        picture(folder / name)
    picture(folder / "composites" / "telea" / "a.png", "inpainted by telea")
    (folder / "samples.parquet").touch()
    (folder / "run.json").write_text("{}")
    return folder


def test_the_note_is_found_wherever_it_stands(tmp_path):
    assert has_note(picture(tmp_path / "a.png", "inpainted by telea"))
    assert has_note(picture(tmp_path / "b.png", "von télea 漢"))
    assert not has_note(picture(tmp_path / "c.png"))
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "PNG", icc_profile=bytes(100_000))
    data, chunk = buffer.getvalue(), b"tEXt" + NOTE.encode() + b"\0made by it"
    text = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "d.png").write_bytes(data.replace(b"IDAT", b"IDAT")[: data.index(b"IDAT") - 4] + text)
    assert has_note(tmp_path / "d.png"), "behind a large profile"


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt", b"SafeBench\0"]
)
def test_a_file_that_is_no_whole_png_has_no_note(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    assert not has_note(tmp_path / "a.png")
    assert not has_note(tmp_path / "missing.png")


def test_runs_and_pictures_with_the_note_are_no_photos_and_told(tmp_path):
    picture(tmp_path / "photo.png")
    picture(tmp_path / "filled.png", "inpainted by telea")
    run_folder(tmp_path / "runs" / "photos-irregular-01234567")
    photos = open_photos(str(tmp_path))
    assert [photo.name for photo in photos.photos()] == ["photo.png"]
    assert photos.left_out == ["left out: 6 pictures that SafeBench made (in folders of runs, or with its note)"]
    assert photos.left_out[0] in photos.note, "a reader of the results is told too"


def test_a_training_and_a_report_are_no_photos_either(tmp_path):
    picture(tmp_path / "photo.png")
    picture(tmp_path / "trainings" / "x" / "previews" / "00000000.png")
    (tmp_path / "trainings" / "x" / "log.jsonl").touch()
    picture(tmp_path / "both" / "gallery" / "a.0123456789.png")
    (tmp_path / "both" / "index.html").write_text("<!doctype html><title>SafeBench report</title>")
    picture(tmp_path / "holiday" / "gallery" / "mine.png")
    (tmp_path / "holiday" / "index.html").write_text("<!doctype html><title>My holiday</title>")
    assert [photo.name for photo in open_photos(str(tmp_path)).photos()] == ["holiday/gallery/mine.png", "photo.png"]


def test_a_folder_of_tables_is_no_run(tmp_path):
    (tmp_path / "samples.parquet").touch()
    assert not is_own_folder(tmp_path)
    picture(tmp_path / "photo.png")
    assert len(open_photos(str(tmp_path)).photos()) == 1


@pytest.mark.parametrize("below", ["", "originals", "composites/telea"])
def test_a_runs_folder_given_for_photos_is_refused(tmp_path, below):
    run_folder(tmp_path / "runs" / "x")
    with pytest.raises(DataError, match=r"no photo in it.*runs/x holds what SafeBench made"):
        open_photos(str(tmp_path / "runs" / "x" / below))


def test_a_folder_of_nothing_else_says_why_it_is_empty(tmp_path):
    picture(tmp_path / "filled.png", "inpainted by telea")
    with pytest.raises(DataError, match=r"no photo in it.*left out: a picture that SafeBench made"):
        open_photos(str(tmp_path))
