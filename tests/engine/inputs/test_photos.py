"""Data sets by name or from any directory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safebench.errors import DataError, ImageError, UnknownNameError
from safebench.inputs.photos import DatasetCard, dataset_cards, open_photos


def photo(path: Path, level: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 40), (level, 0, 0)).save(path, "PNG")
    return path


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("SAFEBENCH_DATA", raising=False)


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAFEBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def names(spec: str | Path) -> list[str]:
    return [p.name for p in open_photos(str(spec)).photos()]


def test_the_sample_holds_distinct_native_crops_of_six_photos():
    sample = open_photos("sample")
    photos = sample.photos()
    assert len(photos) >= 24
    assert [p.name for p in photos] == sorted({p.name for p in photos})
    assert len({p.name.partition("-")[0] for p in photos}) == 6
    assert len({p.fingerprint() for p in photos}) == len(photos)
    for p in photos:
        pixels = p.load()
        assert pixels.shape == (256, 256, 3)
        assert pixels.dtype == np.uint8
        assert pixels.std() > 2
    assert "NASA" in sample.licence
    assert "danielbuechele" in sample.licence


def test_crops_of_the_sample_overlap_by_less_than_half():
    corners: dict[str, list[tuple[int, int]]] = {}
    for p in open_photos("sample").photos():
        source, top, left = p.name.split("-")
        corners.setdefault(source, []).append((int(top[1:]), int(left[1:])))
    for places in corners.values():
        for k, (y, x) in enumerate(places):
            for v, u in places[k + 1 :]:
                assert max(0, 256 - abs(y - v)) * max(0, 256 - abs(x - u)) < 0.5 * 256 * 256


def test_a_crop_of_the_sample_is_not_changed_by_who_uses_it():
    crop = open_photos("sample").photos()[0]
    before = crop.fingerprint()
    crop.load()[:] = 0
    assert crop.fingerprint() == before


def test_a_directory_is_read_with_all_below_it(tmp_path):
    for name in ("b.PNG", "a/z.jpeg", "a/deep/x.Tif", "c.webp", "d.bmp", "e.JPG"):
        photo(tmp_path / "set" / name)
    for name in ("notes.txt", "clip.gif", "README"):
        (tmp_path / "set" / name).write_text("x")
    for name in (".hidden.png", ".thumbnails/t.png"):
        photo(tmp_path / "set" / name)
    photos = open_photos(str(tmp_path / "set"))
    assert photos.name == "set"
    assert [p.name for p in photos.photos()] == ["a/deep/x.Tif", "a/z.jpeg", "b.PNG", "c.webp", "d.bmp", "e.JPG"]
    assert photos.ignored == 3
    assert photos.photos()[0].load().shape == (40, 40, 3)


def test_a_file_is_known_by_its_bytes(tmp_path):
    path = photo(tmp_path / "set" / "a.png")
    (only,) = open_photos(str(tmp_path / "set")).photos()
    assert only.fingerprint() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_links_that_break_or_turn_in_circles_are_survived(tmp_path):
    root = tmp_path / "set"
    photo(root / "real" / "a.png")
    (root / "broken.png").symlink_to(root / "nowhere.png")
    (root / "real" / "loop").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "twice").symlink_to(root / "real")
    (root / "linked.png").symlink_to(root / "real" / "a.png")
    os.mkfifo(root / "pipe.png")
    photos = open_photos(str(root))
    assert [p.name for p in photos.photos()] == ["linked.png", "real/a.png"]
    assert photos.ignored == 3


def test_a_name_that_is_no_text_becomes_one(tmp_path):
    photo(tmp_path / "set" / "a.png")
    try:
        os.rename(tmp_path / "set" / "a.png", os.fsencode(tmp_path / "set") + b"/caf\xe9.png")  # noqa: PTH104
    except OSError:
        pytest.skip("this file system has no such names")
    (only,) = open_photos(str(tmp_path / "set")).photos()
    only.name.encode("utf-8")
    assert only.load().shape == (40, 40, 3)


def test_a_mask_among_photos_is_listed_and_named_when_it_is_read(tmp_path):
    Image.fromarray(np.eye(40) > 0).save(tmp_path / "hole.png")
    (only,) = open_photos(str(tmp_path)).photos()
    with pytest.raises(ImageError, match=r"hole\.png: it is black and white alone"):
        only.load()


def test_an_unreadable_photo_is_listed_and_named_when_it_is_read(tmp_path):
    (tmp_path / "empty.png").touch()
    (only,) = open_photos(str(tmp_path)).photos()
    with pytest.raises(ImageError, match=r"empty\.png: it is empty"):
        only.load()
    (tmp_path / "empty.png").unlink()
    with pytest.raises(ImageError, match=r"empty\.png"):
        only.load()
    with pytest.raises(OSError, match=r"empty\.png"):
        only.fingerprint()


@pytest.mark.parametrize("make", ["nothing", "file", "empty", "others"])
def test_a_directory_without_photos_is_refused_with_its_name(tmp_path, make):
    path = tmp_path / "photos"
    if make == "file":
        path.write_text("x")
    elif make != "nothing":
        path.mkdir()
    if make == "others":
        (path / "a.txt").write_text("x")
    said = {"nothing": "no such directory", "file": "is a file", "empty": "no photo", "others": "1 other file$"}[make]
    with pytest.raises(DataError, match=rf"{path}.*{said}"):
        open_photos(str(path))


def test_names_are_forgiving_and_wrong_ones_get_the_nearest():
    assert open_photos("Sample").name == "sample"
    for wrong, near in {"plces2": "places2", "paris_street_veiw": "paris-streetview", "samples": "sample"}.items():
        with pytest.raises(UnknownNameError, match=rf"'{wrong}'.*did you mean.*{near}"):
            open_photos(wrong)
    with pytest.raises(UnknownNameError, match="there are sample, places2"):
        open_photos("zzzzzz")
    with pytest.raises(DataError, match="name the directory itself"):
        open_photos("folder")


def test_a_directory_called_like_a_data_set_needs_its_path(tmp_path, monkeypatch):
    photo(tmp_path / "sample" / "mine.png")
    photo(tmp_path / "other" / "mine.png")
    monkeypatch.chdir(tmp_path)
    assert len(names("sample")) > 1
    assert names("./sample") == ["mine.png"]
    assert names("other") == ["mine.png"]


def test_places2_is_the_validation_photos_of_the_list(data_folder):
    root = data_folder / "places2"
    for number in (1, 2, 3):
        photo(root / "val_256" / f"Places365_val_0000000{number}.jpg")
    photo(root / "val_256" / "other.jpg")
    photos = open_photos("Places365")
    assert photos.name == "places2"
    assert len(photos.photos()) == 3
    assert photos.ignored == 1
    assert "3 of the 36,500" in photos.note
    assert "places365_val.txt is not there" in photos.note
    (root / "places365_val.txt").write_text("Places365_val_00000001.jpg 165\nPlaces365_val_00000003.jpg 7\n")
    assert names("places2") == ["Places365_val_00000001.jpg", "Places365_val_00000003.jpg"]


def test_celeba_is_the_test_part_of_the_partition(data_folder):
    root = data_folder / "celeba"
    for number in range(4):
        photo(root / "img_align_celeba" / f"00000{number}.jpg")
    with pytest.raises(DataError, match=r"list_eval_partition\.txt is missing"):
        open_photos("celeba")
    lines = [f"00000{number}.jpg {part}" for number, part in enumerate([0, 2, 1, 2])] + ["000009.jpg 2"]
    (root / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    assert names("CelebA") == ["000001.jpg", "000003.jpg"]
    (root / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    with pytest.raises(DataError, match="none of its photos belongs to the test split"):
        open_photos("celeba")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"000001.jpg\n", b"../../etc/passwd 2\n", b"000001.jpg 2 2\n"])
def test_a_damaged_list_is_named(data_folder, content):
    photo(data_folder / "celeba" / "img_align_celeba" / "000001.jpg")
    (data_folder / "celeba" / "list_eval_partition.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"list_eval_partition\.txt: "):
        open_photos("celeba")


@pytest.mark.parametrize("folder", ["paris_eval_gt", "paris_eval/paris_eval_gt", "."])
def test_paris_is_its_evaluation_photos_not_those_for_training(data_folder, folder):
    root = data_folder / "paris-streetview"
    photo(root / "paris_train_original" / "48.842502_2.344968_90_-004.JPG")
    photo(root / folder / "001_im.png")
    photo(root / folder / "100_im.png")
    assert names("paris") == ["001_im.png", "100_im.png"]


def test_a_data_set_that_is_not_here_says_where_to_get_it(data_folder):
    for name, where in {"places2": "data prepare places2", "psv": "context-encoder", "celeba": "mmlab"}.items():
        with pytest.raises(DataError, match=where):
            open_photos(name)


def test_cards_say_what_there_is_and_whether_it_is_here(data_folder):
    cards = {card.name: card for card in dataset_cards()}
    assert list(cards) == ["sample", "folder", "places2", "paris-streetview", "celeba"]
    assert cards["sample"].present
    assert not cards["paris-streetview"].present
    photo(data_folder / "paris-streetview" / "paris_eval_gt" / "001_im.png")
    here = {card.name: card for card in dataset_cards()}["paris-streetview"]
    assert isinstance(here, DatasetCard)
    assert here.present
    assert here.where == str(data_folder / "paris-streetview")
    assert all(card.licence and card.title and card.where for card in cards.values())


def test_listing_data_sets_imports_nothing_heavy():
    code = (
        "import sys\nfrom safebench.inputs.photos import dataset_cards, open_photos\n"
        "dataset_cards()\nopen_photos('sample').photos()\n"
        "print([m for m in ('torch', 'skimage', 'sklearn', 'numpy', 'PIL', 'cv2', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_real_photos_are_found(shared):
    photos = open_photos(str(shared / "data" / "bsds500" / "test"))
    assert (photos.name, len(photos.photos())) == ("test", 200)
    assert photos.photos()[0].load().shape in {(321, 481, 3), (481, 321, 3)}


def test_masks_that_lie_beside_their_photos_are_left_out_and_told(tmp_path):
    for name in (
        "image0.png", "image0_mask001.png", "image0_mask.png", "b.jpg", "mask_b.png", "sub/c.PNG", "sub/C-Mask2.png",
        "unmasked.png", "face_mask.jpg", "sub/b_mask.png", "mask.png", "masks.png",
    ):  # fmt: skip
        photo(tmp_path / name)
    photos = open_photos(str(tmp_path))
    assert [p.name for p in photos.photos()] == [
        "b.jpg", "face_mask.jpg", "image0.png", "mask.png", "masks.png", "sub/C-Mask2.png", "sub/b_mask.png",
        "sub/c.PNG", "unmasked.png",
    ]  # fmt: skip
    assert photos.left_out == ["left out: 3 images are masks of the photo beside by name (image0_mask.png)"]
