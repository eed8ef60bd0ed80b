"""Examples of pictures that are made already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safebench_detectors.iid_net.recipe import Options, Recipe

from safebench.inputs.images import save_png
from safebench.models import registry
from safebench.training.pictures import ChoosingPictures, LearnedPictures, MadePicture, choosing_and_learned


def _picture(photo: str, number: int) -> MadePicture:
    return MadePicture(photo, "f" * 64, Path("p"), Path("h"), Path("o"), f"{photo}.{number}")


def test_what_few_pictures_teach_is_the_beginning_of_what_more_do():
    pictures = [_picture(f"{photo:03d}", hole) for photo in range(200) for hole in range(3)]
    few, more = choosing_and_learned(pictures[:100]), choosing_and_learned(pictures[:500])
    for first, second in zip(few, more, strict=True):
        assert second[: len(first)] == first
    for choosing, learned in (few, more, choosing_and_learned(pictures)):
        assert choosing
        assert learned
        assert not {picture.photo for picture in choosing} & {picture.photo for picture in learned}
    choosing, learned = choosing_and_learned(pictures[:4])
    assert ([p.photo for p in choosing], [p.photo for p in learned]) == (["001"], ["000"] * 3)
    assert len(choosing_and_learned(pictures)[0]) == 36


@pytest.fixture
def pictures(tmp_path: Path) -> list[MadePicture]:
    hole = np.zeros((40, 40), np.bool_)
    hole[8:20, 8:19] = True
    made = []
    for k in range(3):
        photo = np.full((40, 40, 3), 50 * k + 50, np.uint8)
        filled = np.where(hole[..., None], np.uint8(0), photo)
        picture, mask, original = (tmp_path / f"{kind}{k}.png" for kind in ("picture", "hole", "photo"))
        save_png(picture, filled)
        save_png(mask, hole)
        save_png(original, photo)
        made.append(MadePicture(str(k), "f" * 64, picture, mask, original, str(k)))
    return made


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(registry.find("detectors", "iid-net")[0].card, Options(width=8))


def test_every_picture_comes_before_any_comes_again(pictures, recipe):
    examples = LearnedPictures(pictures, recipe, seed=3)
    again = LearnedPictures(pictures, recipe, seed=3)
    whose, masks = [], []
    for k in range(60):
        example = examples[k]
        assert torch.equal(example["image"], again[k]["image"])
        whose.append(round(float(example["image"][0, 0, 0]) * 255))
        masks.append(example["mask"][0])
    assert all(sorted(whose[k : k + 3]) == [50, 100, 150] for k in range(0, 60, 3))
    assert len({tuple(whose[k : k + 3]) for k in range(0, 60, 3)}) > 1, "in another order each time"
    untouched = [mask for mask in masks if not mask.any()]
    mirrored = [mask for mask in masks if mask.any() and not mask[:, :20].any()]
    assert 3 < len(untouched) < 24, "about one in five"
    assert 12 < len(mirrored) < 40, "about half of the others"


def test_the_step_is_chosen_by_pictures_and_by_their_photos(pictures, recipe):
    chosen = ChoosingPictures(pictures[:2], recipe)
    assert [bool(chosen[k]["mask"].any()) for k in range(len(chosen))] == [True, True, False, False]
    hole = chosen[0]["mask"][0] > 0
    filled, photo = chosen[0]["image"], chosen[2]["image"]
    assert torch.equal(filled[:, ~hole], photo[:, ~hole])
    assert not torch.equal(filled[:, hole], photo[:, hole])
