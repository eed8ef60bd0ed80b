"""Large pictures in tiles: every pixel is looked at, overlaps are averaged, and the score is that of the worst part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from safebench.errors import ModelError
from safebench.models import calling, tiling
from safebench.models.cards import Input, parse_card
from safebench.models.contracts import Detection, Detector


class Bright(Detector):
    """The map is the picture's red; where the card says so, the score is that of the tile's first pixel."""

    def __init__(self, source: str = "top1-mean") -> None:
        card = f'name = "bright"\ntitle = "B"\nsummary = "B"\nfamily = "blind"\nscore.source = "{source}"\n'
        super().__init__(parse_card(card + "input.largest_side = 64", "card"))
        self.load(None, torch.device("cpu"))
        self.seen: list[tuple[int, ...]] = []

    def detect(self, images: torch.Tensor) -> Detection:
        self.seen.append(tuple(images.shape))
        place = len(self.seen) / 100
        scores = images[:, 0, 0, 0] if self.card.score.source == "head" else None
        return Detection(images[:, 0], scores, torch.full_like(images[:, 0], place))


def pictures(height: int, width: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(65, 64), (200, 150), (64, 300), (50, 129), (113, 1000)])
def test_tiles_cover_a_picture_and_their_maps_are_put_together(height, width):
    images, model = pictures(height, width), Bright()
    found = tiling.detect(model, images, 64)
    np.testing.assert_allclose(found.maps, images[..., 0] / np.float32(255), atol=1e-7)
    assert set(model.seen) == {(2, 3, min(height, 64), 64)}
    assert found.scores.tolist() == [calling.top1_mean(map_) for map_ in found.maps], "of the whole map"


def test_overlaps_are_averaged_and_tiles_begin_on_the_grid_of_jpeg():
    model = Bright()
    found = tiling.detect(model, pictures(64, 130, 1), 64)
    assert len(model.seen) == 3
    assert found.confidence is not None
    row = found.confidence[0, 0]
    starts = [0, 32, 66]  # the last ends with the picture
    says = [[0.01 * (k + 1) for k, first in enumerate(starts) if first <= x < first + 64] for x in range(130)]
    np.testing.assert_allclose(row, [np.mean(values) for values in says], atol=1e-6)
    for length in range(65, 700):
        first = tiling._starts(length, 64)
        assert first[-1] + 64 == length
        assert all(start % 8 == 0 for start in first[:-1])
        assert all(b - a <= 56 for a, b in pairwise(first)), "neighbours overlap"


def test_the_score_of_a_head_is_the_highest_of_the_tiles():
    images = np.zeros((1, 64, 130, 3), np.uint8)
    images[0, 0, 66, 0] = 204
    assert tiling.detect(Bright("head"), images, 64).scores.tolist() == pytest.approx([0.8])


def test_what_is_no_larger_is_looked_at_whole_and_a_larger_one_without_tiles_is_refused_with_advice():
    model, images = Bright(), pictures(64, 40)
    whole, tiled = calling.detect(model, images), tiling.detect(model, images, 64)
    assert model.seen == [(2, 3, 64, 40)] * 2
    np.testing.assert_array_equal(whole.maps, tiled.maps)
    with pytest.raises(ModelError, match=r"at most 64 pixels a side, not 100x64; .*--tile N"):
        tiling.detect(model, pictures(64, 100), 0)


@pytest.mark.parametrize(
    ("takes", "side", "why"),
    [
        (Input(largest_side=512), 512, ""),
        (Input(largest_side=512), 513, "takes at most 512 pixels a side"),
        (Input(fixed_size=(256, 256)), 256, ""),
        (Input(multiple_of=8), 100, "takes sides that are multiples of 8"),
        (Input(reads="files"), 256, "reads pictures' files, which cannot be cut into tiles"),
    ],
)
def test_a_card_says_whether_tiles_are_taken(takes, side, why):
    assert takes.untiled(side) == why
