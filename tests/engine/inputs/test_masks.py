"""Masks land in the bins that they are named for, and files are known for what they hold."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from safebench.errors import DataError, ImageError, UnknownNameError
from safebench.inputs.images import read_mask, square_mask
from safebench.inputs.masks import index, open_masks, unused
from safebench.inputs.masks.files import MaskFile
from safebench.inputs.masks.strokes import Brush, Canvas, fill
from safebench.protocol import BINS, Bin, bin_of


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SAFEBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "cache"


def hole_of(ratio: float, size: int = 512) -> NDArray[np.uint8]:
    """A mask with about that share of hole, as levels."""
    mask = np.zeros((size, size), np.uint8)
    mask[: round(size * ratio)] = 255
    return mask


def png(mask: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return buffer.getvalue()


def write(path: Path, mask: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(mask))
    return path


def official(number: int) -> NDArray[np.uint8]:
    """What NVIDIA's mask of a number could be: its hole is of the right size."""
    return hole_of((number // 2000 + 0.5) / 10)


OFFICIAL_NAMES = range(0, 12_000, 250)


@given(st.sampled_from(BINS), st.integers(0, 999), st.integers(0, 2**63), st.integers(10, 300))
@settings(max_examples=60)
def test_every_irregular_mask_lands_in_its_bin(hole_bin, number, seed, size):
    mask = open_masks("irregular", seed).load(f"{hole_bin.name}/{number:04d}", size)
    assert mask.shape == (size, size)
    assert mask.dtype == np.bool_
    assert bin_of(int(mask.sum()), size * size) == hole_bin


@given(st.integers(1, 10**7), st.data())
def test_a_bin_holds_what_its_bounds_say(pixels, data):
    hole = data.draw(st.integers(0, pixels))
    found = bin_of(hole, pixels)
    inside = [b for b in BINS if b.holds(hole, pixels)]
    assert inside == ([found] if found else [])
    if found:
        lower = 0.01 if found == Bin(1) else (found.upper_tenths - 1) / 10
        assert lower - 1e-12 < hole / pixels <= found.upper_tenths / 10 + 1e-12


@pytest.mark.parametrize("hole_bin", BINS, ids=lambda b: b.name)
def test_irregular_ratios_spread_over_the_bin(hole_bin):
    masks = open_masks("irregular", 3)
    places = [
        10 * masks.load(f"{hole_bin.name}/{n:04d}", 64).mean() + 1 - hole_bin.upper_tenths for n in range(0, 1000, 10)
    ]
    lowest = 0.1 if hole_bin == Bin(1) else 0.0
    assert min(places) < lowest + 0.1
    assert max(places) > 0.9
    assert abs(np.mean(places) - (lowest + 1) / 2) < 0.1


def test_half_of_the_irregular_masks_keep_away_from_the_border():
    masks = open_masks("irregular", 0)
    margin = 50 * 256 // 512
    for hole_bin in BINS:
        for number in range(0, 500, 50):
            mask = masks.load(f"{hole_bin.name}/{number:04d}", 256)
            assert mask[margin:-margin, margin:-margin].sum() == mask.sum()
    free = [masks.load(f"{b.name}/{n:04d}", 256) for b in BINS for n in range(500, 1000, 50)]
    touching = [m[0].any() or m[-1].any() or m[:, 0].any() or m[:, -1].any() for m in free]
    assert np.mean(touching) > 0.8


def test_irregular_masks_come_from_seed_and_name_alone():
    masks, again, other = open_masks("irregular", 5), open_masks("irregular", 5), open_masks("irregular", 6)
    names = masks.index(128)[Bin(3)]
    assert len(names) == len(set(names)) == 1000
    assert names[42] == "20-30/0042"
    later = again.load(names[7], 128)
    np.testing.assert_array_equal(masks.load(names[7], 128), later)
    assert masks.fingerprint(names[7]) == again.fingerprint(names[7])
    assert masks.fingerprint(names[7]) != other.fingerprint(names[7])
    assert masks.fingerprint(names[7]) != masks.fingerprint(names[8])
    assert (other.load(names[7], 128) != later).any()
    assert (masks.load(names[8], 128) != later).any()


def test_irregular_masks_stay_what_they_were():
    """A change of the generator has to raise its VERSION, and these sums with it."""
    masks = open_masks("irregular", 0)
    made = {name: masks.load(name, 256) for name in ("0-10/0000", "30-40/0600", "50-60/0999")}
    rows = {name: int((mask.sum(axis=1) * np.arange(256)).sum()) for name, mask in made.items()}
    assert {name: int(mask.sum()) for name, mask in made.items()} == IRREGULAR_PIXELS
    assert rows == IRREGULAR_ROWS


IRREGULAR_PIXELS = {"0-10/0000": 4920, "30-40/0600": 19851, "50-60/0999": 32809}
IRREGULAR_ROWS = {"0-10/0000": 692146, "30-40/0600": 3012982, "50-60/0999": 4025218}


@pytest.mark.parametrize("name", ["70-80/0000", "10-20/1000", "10-20/-001", "10-20", "", "10-20/00042", "10-20/٠٠٠١"])
def test_an_irregular_mask_of_another_name_is_refused(name):
    with pytest.raises(DataError, match="no mask"):
        open_masks("irregular", 0).load(name, 64)


@given(st.integers(0, 10**6), st.integers(1, 30), st.floats(0.1, 40))
@settings(max_examples=40)
def test_a_canvas_is_filled_to_the_pixel_whatever_the_brush(seed, margin, radius):
    target = (64 - 2 * margin) ** 2
    canvas = Canvas(64, margin, target)
    draw = random.Random(seed)
    fill(canvas, Brush(radius, 20.0, 0.5, 0.5, 0.3, 0.2, 0.7), draw)
    assert canvas.hole.sum() == target
    assert canvas.hole[margin:-margin, margin:-margin].all()


def test_a_directory_of_masks_is_sorted_into_bins(tmp_path):
    for name, ratio in {"a": 0.05, "b": 0.15, "sub/c": 0.2, "d": 0.95, "e": 0.0, "f": 0.35}.items():
        write(tmp_path / "mine" / f"{name}.png", hole_of(ratio))
    (tmp_path / "mine" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "mine" / "empty.bmp").touch()
    masks = open_masks(str(tmp_path / "mine"), 0)
    bins = masks.index(256)
    assert masks.name == "mine"
    assert {b.name: list(names) for b, names in bins.items() if names} == {
        "0-10": ["a.png"],
        "10-20": ["b.png", "sub/c.png"],
        "30-40": ["f.png"],
    }
    assert masks.outside == 2
    assert sorted(Path(problem.partition(": ")[0]).name for problem in masks.problems) == ["broken.png", "empty.bmp"]
    np.testing.assert_array_equal(masks.load("b.png", 256), hole_of(0.15)[1::2, 1::2] > 0)
    with pytest.raises(ImageError, match=r"broken\.png"):
        masks.load("broken.png", 256)
    with pytest.raises(DataError, match="no mask"):
        masks.load("nowhere.png", 256)


def test_bins_are_those_at_the_size_that_is_asked_for(tmp_path):
    mask = np.zeros((512, 512), np.uint8)
    mask[1::2, 1::2] = 255  # a quarter of the pixels, but each that the nearest-neighbour resize to 256 takes
    write(tmp_path / "grid.png", mask)
    masks = open_masks(str(tmp_path), 0)
    assert [b.name for b, names in masks.index(512).items() if names] == ["20-30"]
    assert not any(masks.index(256).values())
    assert masks.outside == 1


def test_a_threshold_makes_masks_of_many_levels_and_they_are_others(tmp_path):
    labels = hole_of(0.35) // 2
    labels[400:] = 60
    write(tmp_path / "mine" / "a.png", labels)
    refusing = open_masks(str(tmp_path / "mine"), 0)
    assert not any(refusing.index(256).values())
    assert "--mask-threshold" in refusing.problems[0]
    bins, prints = {}, set()
    for threshold in (61, 60, 128):
        masks = open_masks(str(tmp_path / "mine"), 0, threshold)
        bins[threshold] = [b.name for b, names in masks.index(256).items() if names]
        prints.add(masks.fingerprint("a.png"))
        assert masks.load("a.png", 256).mean() == pytest.approx((labels >= threshold).mean(), abs=0.01)
    assert bins == {61: ["30-40"], 60: ["50-60"], 128: []}
    assert len(prints | {refusing.fingerprint("a.png")}) == 4, "results of one threshold never meet those of another"


def test_photos_beside_their_masks_are_left_out_and_told(tmp_path):
    for name in ("image0_mask001.png", "image1_mask001.png", "other.png"):
        write(tmp_path / name, hole_of(0.15))
    for name in ("image0.png", "image1.png"):
        write(tmp_path / name, official(3))
    masks = open_masks(str(tmp_path), 0)
    assert list(masks.index(256)[Bin(2)]) == ["image0_mask001.png", "image1_mask001.png", "other.png"]
    assert masks.left_out == ["left out: 2 images are photos beside a mask by name (image0.png)"]
    assert masks.left_out[0] in masks.note
    assert masks.problems == []


def test_the_index_is_measured_once(tmp_path, monkeypatch, cache):
    write(tmp_path / "mine" / "a.png", hole_of(0.15))
    (tmp_path / "mine" / "b.png").touch()
    first = open_masks(str(tmp_path / "mine"), 0)
    bins = first.index(256)
    measured: list[Path] = []

    def spy(file: MaskFile, size: int) -> object:
        measured.append(file.path)
        return measure(file, size)

    measure = index._measure
    monkeypatch.setattr(index, "_measure", spy)
    again = open_masks(str(tmp_path / "mine"), 0)
    assert again.index(256) == bins
    assert again.problems == first.problems
    assert [path.name for path in measured] == ["b.png"], "what could not be read is tried again"
    write(tmp_path / "mine" / "a.png", hole_of(0.25))
    assert open_masks(str(tmp_path / "mine"), 0).index(256)[Bin(3)] == ["a.png"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "garbage", "folder"])
def test_a_damaged_cache_is_made_anew(tmp_path, cache, damage):
    write(tmp_path / "mine" / "a.png", hole_of(0.15))
    bins = open_masks(str(tmp_path / "mine"), 0).index(256)
    (file,) = (cache / "masks").iterdir()
    whole = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        flipped = whole.replace(b"512", b"513")
        file.write_bytes({"truncated": whole[:-4], "flipped": flipped, "garbage": b"\xff\0"}[damage])
    assert open_masks(str(tmp_path / "mine"), 0).index(256) == bins
    assert damage == "folder" or file.read_bytes() == whole


def test_names_and_missing_masks_get_a_sentence(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean irregular"):
        open_masks("iregular", 0)
    with pytest.raises(UnknownNameError, match="there are irregular and nvidia"):
        open_masks("zzz", 0)
    with pytest.raises(DataError, match="no such directory"):
        open_masks(str(tmp_path / "none"), 0)
    with pytest.raises(DataError, match="no mask in it"):
        open_masks(str(tmp_path), 0)
    with pytest.raises(DataError, match="name the directory itself"):
        open_masks("folder", 0)
    with pytest.raises(DataError, match="data prepare nvidia"):
        open_masks("nvidia", 0)


def test_the_official_masks_are_known_by_what_they_hold(tmp_path):
    for number in OFFICIAL_NAMES:
        write(tmp_path / "x" / f"{number:05d}.png", official(number))
    masks = open_masks(str(tmp_path / "x"), 0)
    bins = masks.index(256)
    assert masks.name == "nvidia"
    assert masks.note.startswith("48 of the 12,000 masks")
    assert "research" in masks.licence
    assert {len(names) for names in bins.values()} == {8}
    assert bins[Bin(4)][0] == "06000.png"


def test_the_official_masks_are_read_from_their_zip(tmp_path):
    root = tmp_path / "data" / "nvidia-irregular"
    root.mkdir(parents=True)
    with zipfile.ZipFile(root / "test_mask.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mask/readme.txt", "x")
        for number in OFFICIAL_NAMES:
            archive.writestr(f"mask/testing_mask_dataset/{number:05d}.png", png(official(number)))
    masks = open_masks("nvidia", 0)
    assert {len(names) for names in masks.index(256).values()} == {8}
    assert masks.load("11750.png", 256).mean() == pytest.approx(0.55, abs=0.01)
    assert len(masks.fingerprint("11750.png")) == 64
    write(root / "00001.png", official(1))
    both = open_masks("NVIDIA", 0)
    assert both.index(256)[Bin(1)][:2] == ["00000.png", "00001.png"]


def test_the_official_masks_inverted_are_refused(tmp_path):
    for number in OFFICIAL_NAMES:
        write(tmp_path / f"{number:05d}.png", 255 - official(number))
    with pytest.raises(DataError, match=r"inverted.*white has to be the hole"):
        open_masks(str(tmp_path), 0)


def test_other_masks_with_numbers_for_names_are_a_plain_directory(tmp_path):
    for number in range(40):
        write(tmp_path / "mine" / f"{number:05d}.png", hole_of(0.35))
    masks = open_masks(str(tmp_path / "mine"), 0)
    assert masks.name == "mine"
    assert len(masks.index(256)[Bin(4)]) == 40
    (tmp_path / "data").mkdir()
    (tmp_path / "mine").rename(tmp_path / "data" / "nvidia-irregular")
    with pytest.raises(DataError, match="not NVIDIA's"):
        open_masks("nvidia", 0)


def test_a_strange_mask_among_the_official_ones_is_left_out_and_named(tmp_path):
    for number in OFFICIAL_NAMES:
        write(tmp_path / f"{number:05d}.png", official(number))
    write(tmp_path / "00250.png", hole_of(0.45))
    write(tmp_path / "00500.png", hole_of(0.05, 256))
    (tmp_path / "00750.png").write_bytes(png(official(750))[:80])
    masks = open_masks(str(tmp_path), 0)
    bins = masks.index(256)
    assert len(bins[Bin(1)]) == 5
    assert len(masks.problems) == 3
    assert any("00250.png has 512x512 pixels, 44.9% of them hole" in problem for problem in masks.problems)


def test_a_zip_that_is_damaged_is_named(tmp_path):
    (tmp_path / "test_mask.zip").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(DataError, match=r"test_mask\.zip: it cannot be read as a zip file"):
        open_masks(str(tmp_path), 0)


def test_a_damaged_member_is_a_problem_of_that_mask(tmp_path):
    with zipfile.ZipFile(tmp_path / "test_mask.zip", "w") as archive:
        for number in OFFICIAL_NAMES:
            archive.writestr(f"{number:05d}.png", png(official(number)))
        archive.writestr("00001.png", b"")
    data = (tmp_path / "test_mask.zip").read_bytes()
    target = png(official(250))
    (tmp_path / "test_mask.zip").write_bytes(data.replace(target, target[:-9] + bytes(9), 1))
    masks = open_masks(str(tmp_path), 0)
    bins = masks.index(256)
    assert len(bins[Bin(1)]) == 7
    assert len(masks.problems) == 2
    assert all("test_mask.zip" in problem for problem in masks.problems)


def test_mask_sets_import_nothing_heavy():
    code = (
        "import sys; from safebench.inputs.masks import open_masks\n"
        "print([m for m in ('torch', 'skimage', 'sklearn', 'cv2', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nvidias_own_masks(shared):
    folder = shared / "data" / "nvidia_irregular"
    masks = open_masks(str(folder / "testing_mask_dataset"), 0)
    bins = masks.index(512)
    assert masks.name == "nvidia"
    assert masks.note.startswith("240 of the 12,000")
    assert {b.name: len(names) for b, names in bins.items()} == dict.fromkeys((b.name for b in BINS), 40)
    assert (masks.outside, masks.problems) == (0, [])
    lines = (folder / "index.csv").read_text().splitlines()[1:]
    pixels = {line.split(",")[0]: int(line.split(",")[1]) for line in lines}
    for name in bins[Bin(6)]:
        assert masks.load(name, 512).sum() == pixels[name]
    one = bins[Bin(2)][0]
    own = read_mask(folder / "testing_mask_dataset" / one)
    np.testing.assert_array_equal(masks.load(one, 256), square_mask(own, 256))
    np.testing.assert_array_equal(masks.load(one, 256), own[1::2, 1::2])


def test_one_of_nvidias_own_zips(shared, tmp_path, monkeypatch, capfd):
    name = "test_mask_06000-06999.zip"
    (tmp_path / name).symlink_to(shared / "data" / "nvidia_irregular" / "zips" / name)
    monkeypatch.setattr(index, "_MANY", 1_000)
    masks = open_masks(str(tmp_path), 0)
    bins = masks.index(256)
    assert masks.note == "1,000 of the 12,000 masks"
    assert len(bins[Bin(4)]) > 990
    assert sum(map(len, bins.values())) + masks.outside == 1_000
    assert masks.problems == []
    assert "Measured 1,000 masks in" in capfd.readouterr().err


def test_why_masks_are_not_used_is_told(tmp_path):
    labels = np.zeros((64, 64), np.uint8)
    labels[:20], labels[40:] = 90, 150
    write(tmp_path / "m" / "labels.png", labels)
    write(tmp_path / "m" / "large.png", hole_of(0.9))
    masks = open_masks(str(tmp_path / "m"), 0)
    masks.index(64)
    assert "1 is refused" in unused(masks)
    assert "--mask-threshold N" in unused(masks)
    assert "1 lies in no bin" in unused(masks)
    write(tmp_path / "n" / "a.png", hole_of(0.25))
    masks = open_masks(str(tmp_path / "n"), 0)
    masks.index(64)
    assert unused(masks) == ""
