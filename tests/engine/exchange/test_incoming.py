"""What comes back is read as it is meant, or refused with a sentence that names the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from safebench.errors import ExchangeError, ImageError
from safebench.exchange.finding import find_answers, name_of, read_scores
from safebench.exchange.incoming import check_all_scored, read_map, read_picture

SIZE = (6, 8)
MAP = np.linspace(0, 1, 48).reshape(SIZE)


def saved(file: Path, values: np.ndarray) -> Path:
    if file.suffix == ".npy":
        np.save(file, values)
    elif file.suffix == ".npz":
        np.savez(file, map=values)
    elif file.suffix == ".tif":
        tifffile.imwrite(file, values)
    else:
        Image.fromarray(values).save(file)
    return file


@pytest.mark.parametrize(
    ("name", "values", "steps"),
    [
        ("a.png", np.rint(MAP * 255).astype(np.uint8), 255),
        ("a.png", np.rint(MAP * 65535).astype(np.uint16), 65535),
        ("a.png", np.rint(np.stack([MAP] * 3, -1) * 255).astype(np.uint8), 255),
        ("a.npy", MAP, 10**7),
        ("a.npy", MAP[None].astype(np.float32), 10**7),
        ("a.npy", MAP[..., None].astype(np.float16), 2000),
        ("a.npy", np.rint(MAP * 255).astype(np.uint8), 255),
        ("a.npz", MAP.astype(np.float32), 10**7),
        ("a.tif", MAP.astype(np.float32), 10**7),
        ("a.tif", np.rint(MAP * 65535).astype(np.uint16), 65535),
    ],
)
def test_a_map_of_each_kind_is_read(tmp_path, name, values, steps):
    answer = read_map(saved(tmp_path / name, values), SIZE)
    assert answer.map.dtype == np.float32
    np.testing.assert_allclose(answer.map, MAP, atol=0.51 / steps)


def test_a_map_of_another_range_or_polarity_is_told_and_not_guessed(tmp_path):
    file = saved(tmp_path / "a.npy", MAP * 10 - 5)
    with pytest.raises(ExchangeError, match=r"a\.npy: runs from -5 to 5.*range"):
        read_map(file, SIZE)
    np.testing.assert_allclose(read_map(file, SIZE, (-5, 5)).map, MAP, atol=1e-6)
    np.testing.assert_allclose(read_map(file, SIZE, (5, -5)).map, 1 - MAP, atol=1e-6)
    np.testing.assert_allclose(read_map(saved(tmp_path / "b.npy", MAP), SIZE, inverted=True).map, 1 - MAP, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((3, 4)), "4x3 pixels, and its picture 8x6"),
        (np.full(SIZE, np.nan), "NaN"),
        (np.full(SIZE, 1.01), "runs from 1.01"),
        (np.zeros((*SIZE, 2)), "one gray value"),
        (np.zeros(SIZE, complex), "one gray value"),
        (np.array([{"a": 1}]), "cannot be read"),
    ],
)
def test_rubbish_is_refused(tmp_path, values, said):
    with pytest.raises(ExchangeError, match=said):
        read_map(saved(tmp_path / "a.npy", values), SIZE)


def test_a_softmax_that_is_rounded_beyond_1_is_cut(tmp_path):
    values = MAP.astype(np.float32)
    values[0, 0] = np.nextafter(np.float32(1), np.float32(2))
    assert read_map(saved(tmp_path / "a.npy", values), SIZE).map[0, 0] == 1


def test_half_a_file_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    for name, values in (
        ("a.png", rng.integers(0, 65536, (64, 64), np.uint16)),
        ("a.npy", rng.random((64, 64))),
        ("a.npz", rng.random((64, 64))),
        ("a.tif", rng.random((64, 64), np.float32)),
    ):
        file = saved(tmp_path / name, values)
        data = file.read_bytes()
        for share in (0, 0.1, 0.6):
            file.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(ExchangeError, match=r"cannot be read"):
                read_map(file, (64, 64))


def test_coloured_and_lossy_maps_are_refused(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    with pytest.raises(ExchangeError, match="one gray value"):
        read_map(saved(tmp_path / "a.png", colours), SIZE)
    with pytest.raises(ExchangeError, match="lossy"):
        read_map(saved(tmp_path / "a.jpg", colours), SIZE)


def test_a_filled_picture_tells_how_much_else_it_changed(tmp_path):
    image = np.full((*SIZE, 3), 90, np.uint8)
    hole = np.zeros(SIZE, bool)
    hole[:, :4] = True
    image[hole] = 0
    back = image.copy()
    back[hole] = 50
    back[:3, 4:] += 1
    pixels, changed = read_picture(saved(tmp_path / "a.png", back), image, hole)
    assert changed == 0.5
    np.testing.assert_array_equal(pixels, back)


def test_a_picture_that_was_not_filled_or_filled_the_other_way_round_is_told(tmp_path):
    image = np.full((*SIZE, 3), 90, np.uint8)
    hole = np.zeros(SIZE, bool)
    hole[:, :4] = True
    image[hole] = 0
    with pytest.raises(ExchangeError, match="its hole was not filled"):
        read_picture(saved(tmp_path / "a.png", image), image, hole)
    other = np.where(hole[..., None], np.uint8(0), np.full_like(image, 30))
    with pytest.raises(ExchangeError, match="100% of the known area changed: the mask was taken the other way round"):
        read_picture(saved(tmp_path / "a.png", other), image, hole)
    with pytest.raises(ExchangeError, match="has 4x6 pixels, and its picture 8x6"):
        read_picture(saved(tmp_path / "a.png", image[:, :4]), image, hole)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"a\.png"):
        read_picture(tmp_path / "a.png", image, hole)


def test_names(tmp_path):
    assert name_of(Path("dir/photo.10-20-abc.png.npz")) == "photo.10-20-abc"
    assert name_of(Path("photo.10-20-abc.TIF")) == "photo.10-20-abc"
    for name in ("a.png", "b.npy", ".c.png", "notes.txt"):
        (tmp_path / name).touch()
    assert find_answers(tmp_path) == {"a": tmp_path / "a.png", "b": tmp_path / "b.npy"}
    (tmp_path / "a.npy").touch()
    with pytest.raises(ExchangeError, match=r"a\.npy and a\.png answer the same picture"):
        find_answers(tmp_path)


def test_scores(tmp_path):
    file = tmp_path / "scores.csv"
    file.write_text("\ufeffname,score\na,0.25\nb.png,1\n")
    assert read_scores(file) == {"a": 0.25, "b": 1.0}
    (tmp_path / "scores.json").write_text('{"a.jpg": 0.5}')
    assert read_scores(tmp_path / "scores.json") == {"a": 0.5}
    for text, said in (
        ("name,value\na,1\n", "no column 'score'"),
        ("name,score\na,1.5\n", r"score of a is 1\.5"),
        ("name,score\na,nan\n", "score of a is nan"),
        ("name,score\na,\n", "score of a is "),
        ("name,score\na,1\na.png,1\n", "two scores of a"),
    ):
        file.write_text(text)
        with pytest.raises(ExchangeError, match=said):
            read_scores(file)


def test_one_model_has_one_kind_of_score(tmp_path):
    np.savez(tmp_path / "a.npz", map=MAP, score=0.5, conf=MAP)
    answer = read_map(tmp_path / "a.npz", SIZE)
    assert answer.score == 0.5
    assert answer.confidence is not None
    np.testing.assert_allclose(answer.confidence, MAP, atol=1e-6)
    check_all_scored(find_answers(tmp_path))
    saved(tmp_path / "b.npz", MAP)
    with pytest.raises(ExchangeError, match="1 of 2 maps come with a score"):
        check_all_scored(find_answers(tmp_path))
