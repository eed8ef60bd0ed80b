"""Data sets are fetched where that is allowed, and checked where the user has them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from safebench.cli.data import app
from safebench.data import open_photos, prepare
from safebench.data.prepare import unpack
from safebench.errors import DataError, SafebenchError
from safebench.masks import open_masks
from safebench.masks import prepare as masks_prepare


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SAFEBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine: its address, and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/", folder
        httpd.shutdown()


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["prepare", *arguments])
    if result.exception:
        raise result.exception
    return result.output


def png(level: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (40, 40), level).save(buffer, "PNG")
    return buffer.getvalue()


def tar(path: Path, files: dict[str, bytes | tarfile.TarInfo]) -> str:
    """Write an archive; returns its md5."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.fixture
def places2(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two photos and their list, served as the publisher serves them; returns the folder."""
    address, folder = server
    photos: dict[str, bytes | tarfile.TarInfo] = {
        f"val_256/Places365_val_0000000{number}.jpg": png(number) for number in (1, 2)
    }
    md5 = tar(folder / "val_256.tar", photos)
    lines = b"Places365_val_00000001.jpg 165\nPlaces365_val_00000002.jpg 7\n"
    of_lists = tar(folder / "filelist_places365-standard.tar", {"places365_val.txt": lines, "other.txt": b"x"})
    monkeypatch.setattr(prepare, "PLACES2_URL", address)
    monkeypatch.setattr(prepare, "_VAL_256", ("val_256.tar", md5))
    monkeypatch.setattr(prepare, "_LISTS", ("filelist_places365-standard.tar", of_lists))
    return folder


def test_places2_is_downloaded_once_its_terms_are_agreed_to(places2, data_folder):
    with pytest.raises(DataError, match="--accept-licence"):
        call("places2")
    assert not data_folder.exists()
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
    (places2 / "val_256.tar").write_bytes(b"something else")
    with pytest.raises(SafebenchError, match="md5"):
        call("places2", "--accept-licence")
    assert not list(data_folder.rglob("val_256*"))


def test_an_archive_that_was_fetched_already_is_not_fetched_again(places2, data_folder):
    (data_folder / "places2").mkdir(parents=True)
    (places2 / "val_256.tar").rename(data_folder / "places2" / "val_256.tar")
    assert "2 of the 36,500" in call("places2", "--accept-licence")


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


def test_an_archive_cannot_climb_out_of_its_folder(tmp_path):
    archive, folder = tmp_path / "x.tar", tmp_path / "a" / "b"
    tar(
        archive,
        {
            "../../escaped.jpg": png(),
            "/tmp/absolute.jpg": png(),
            "deep/er/fine.jpg": png(),
            "notes.txt": b"x",
            "link.jpg": link("link.jpg", "/etc/passwd"),
            "dir": link("dir", "/"),
        },
    )
    unpack(archive, folder, r"\w+\.jpg")
    assert sorted(p.name for p in folder.iterdir()) == ["absolute.jpg", "escaped.jpg", "fine.jpg"]
    assert not (tmp_path / "escaped.jpg").exists()
    assert all(p.is_file() and not p.is_symlink() for p in folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"no archive" * 100])
def test_a_damaged_archive_is_named(tmp_path, content):
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.tar"):
        unpack(tmp_path / "x.tar", tmp_path, ".*")


def official_zip(path: Path, numbers: range) -> None:
    """A zip as NVIDIA's, its masks of the right sizes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number in numbers:
            mask = np.zeros((512, 512), np.uint8)
            mask[: int(512 * (number // 2000 + 0.5) / 10)] = 255
            buffer = io.BytesIO()
            Image.fromarray(mask).save(buffer, "PNG")
            archive.writestr(f"mask/testing_mask_dataset/{number:05d}.png", buffer.getvalue())


def test_nvidias_masks_are_downloaded_once_their_terms_are_agreed_to(server, monkeypatch):
    address, folder = server
    official_zip(folder / "test_mask.zip", range(0, 12_000, 500))
    monkeypatch.setattr(masks_prepare, "URL", address + "test_mask.zip")
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
    official_zip(tmp_path / "mine" / "test_mask.zip", range(0, 12_000, 500))
    assert "24 of the 12,000 masks" in call("nvidia", "--from", str(tmp_path / "mine"))
    assert len(open_masks("nvidia", 0).index(256)) == 6
