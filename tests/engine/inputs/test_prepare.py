"""Data sets are fetched where that is allowed, and checked where the user has them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from safebench.cli.data import app
from safebench.errors import DataError, SafebenchError
from safebench.inputs.masks import open_masks
from safebench.inputs.masks import prepare as masks_prepare
from safebench.inputs.photos import open_photos, prepare
from safebench.inputs.photos.prepare import unpack


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SAFEBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["prepare", *arguments])
    if result.exception:
        raise result.exception
    return result.output


def png(level: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (40, 40), level).save(buffer, "PNG")
    return buffer.getvalue()


def tar(files: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.fixture
def places2(web: Any, page: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two photos and their list, served as the publisher serves them."""
    photos = tar({f"val_256/Places365_val_0000000{number}.jpg": png(number) for number in (1, 2)})
    lines = b"Places365_val_00000001.jpg 165\nPlaces365_val_00000002.jpg 7\n"
    lists = tar({"places365_val.txt": lines, "places365_test.txt": b"x"})
    monkeypatch.setattr(prepare, "PLACES2_URL", f"{web.url}/places365/")
    for constant, name, body in (("_VAL_256", "val_256.tar", photos), ("_LISTS", "lists.tar", lists)):
        monkeypatch.setattr(prepare, constant, (name, hashlib.md5(body).hexdigest()))
        web.pages[f"/places365/{name}"] = page(body)
    return web


def test_places2_is_downloaded_once_its_terms_are_agreed_to(places2, data_folder):
    with pytest.raises(DataError, match="--accept-licence"):
        call("places2")
    assert not places2.requests
    assert not data_folder.exists()
    places2.pages["/places365/val_256.tar"].cuts = [4000]
    said = call("places2", "--accept-licence")
    assert "2 of the 36,500 photos of the validation split" in said
    assert len(open_photos("places2").photos()) == 2
    left = sorted(p.relative_to(data_folder).as_posix() for p in data_folder.rglob("*") if p.is_file())
    assert left == [
        "places2/places365_val.txt",
        "places2/val_256/Places365_val_00000001.jpg",
        "places2/val_256/Places365_val_00000002.jpg",
    ]


def test_a_download_with_another_checksum_is_thrown_away(places2, data_folder):
    places2.pages["/places365/val_256.tar"].body = b"something else"
    with pytest.raises(SafebenchError, match="md5"):
        call("places2", "--accept-licence")
    assert [p.name for p in data_folder.rglob("*") if p.is_file() and not p.name.startswith(".")] == [
        "places365_val.txt"
    ]


def test_what_was_fetched_already_is_not_fetched_again(places2, data_folder):
    (data_folder / "places2").mkdir(parents=True)
    (data_folder / "places2" / "val_256.tar").write_bytes(places2.pages.pop("/places365/val_256.tar").body)
    (data_folder / "places2" / "places365_val.txt").write_text("Places365_val_00000002.jpg 7\n")
    assert "1 of the 36,500" in call("places2", "--accept-licence")
    assert not places2.requests


def test_what_is_not_given_away_says_where_to_get_it():
    for name, where in {"celeba": "mmlab.ie.cuhk.edu.hk", "paris": "context-encoder"}.items():
        with pytest.raises(DataError, match=where):
            call(name)


def test_from_checks_what_is_there_and_remembers_the_place(tmp_path):
    mine = tmp_path / "my celeba"
    with pytest.raises(DataError, match="not in"):
        call("celeba", "--from", str(mine))
    (mine / "Img" / "img_align_celeba").mkdir(parents=True)
    (mine / "Eval").mkdir()
    (mine / "Img" / "img_align_celeba" / "000001.jpg").write_bytes(png())
    (mine / "Eval" / "list_eval_partition.txt").write_text("000001.jpg 2\n")
    said = call("celeba", "--from", str(mine))
    assert "1 of the 19,962 photos of the test split" in said
    assert "NOT the published list" in said
    assert [p.name for p in open_photos("celeba").photos()] == ["000001.jpg"]
    assert "nothing had to be downloaded" in call("celeba")


def test_an_unknown_name_is_refused_with_near_ones():
    with pytest.raises(SafebenchError, match="did you mean celeba"):
        call("celebba")
    with pytest.raises(DataError, match="built in"):
        call("sample")


def test_an_archive_cannot_climb_out_of_its_folder(tmp_path):
    archive, folder = tmp_path / "x.tar", tmp_path / "a" / "b"
    content = tar(
        {
            "../../escaped.jpg": png(),
            "/tmp/absolute.jpg": png(),
            "deep/er/fine.jpg": png(),
            "notes.txt": b"x",
            "link.jpg": link("link.jpg", "/etc/passwd"),
            "dir": link("dir", "/"),
        },
    )
    archive.write_bytes(content)
    unpack(archive, folder, r"\w+\.jpg")
    assert sorted(p.name for p in folder.iterdir()) == ["absolute.jpg", "escaped.jpg", "fine.jpg"]
    assert not (tmp_path / "escaped.jpg").exists()
    assert all(p.is_file() and not p.is_symlink() for p in folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"no archive" * 100])
def test_a_damaged_archive_is_named(tmp_path, content):
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.tar"):
        unpack(tmp_path / "x.tar", tmp_path, ".*")


def official_zip(numbers: range) -> bytes:
    """A zip as NVIDIA's, its masks of the right sizes."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for number in numbers:
            mask = np.zeros((512, 512), np.uint8)
            mask[: int(512 * (number // 2000 + 0.5) / 10)] = 255
            buffer = io.BytesIO()
            Image.fromarray(mask).save(buffer, "PNG")
            archive.writestr(f"mask/testing_mask_dataset/{number:05d}.png", buffer.getvalue())
    return zipped.getvalue()


def test_nvidias_masks_are_downloaded_once_their_terms_are_agreed_to(web, page, monkeypatch):
    monkeypatch.setattr(masks_prepare, "URL", f"{web.url}/test_mask.zip?dl=1")
    web.pages["/test_mask.zip"] = page(official_zip(range(0, 12_000, 500)))
    with pytest.raises(DataError, match=r"CC BY-NC-SA 4\.0.*--accept-licence"):
        call("nvidia")
    said = call("nvidia", "--accept-licence")
    assert "24 of the 12,000 masks" in said
    assert "30-40: 4" in said
    assert open_masks("nvidia", 0).name == "nvidia"
    assert "nothing had to be downloaded" in call("NVIDIA")


def test_nvidias_masks_are_found_where_the_user_has_them(tmp_path):
    with pytest.raises(DataError, match="not in"):
        call("nvidia", "--from", str(tmp_path / "nowhere"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test_mask.zip").write_bytes(official_zip(range(0, 12_000, 500)))
    assert "24 of the 12,000 masks" in call("nvidia", "--from", str(tmp_path / "mine"))
    assert len(open_masks("nvidia", 0).index(256)) == 6
