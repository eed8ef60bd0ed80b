"""How strong SafePaint's noise may be: as strong as the grain around the hole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safebench_inpainters.safepaint.residuals import UNIT, grain_level, laplacian

from safebench import load_inpainter
from safebench.models import calling
from safebench.testing import inputs

SIDE = 96


def grainy(deviation: float, side: int = SIDE, seed: int = 0) -> np.ndarray:
    """A slope of grey with white noise of a deviation in 8-bit levels: uint8 1 x H x W x 3."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(90, 160, side)[None, :, None] + rng.normal(0, deviation, (side, side, 3))
    return np.clip(np.rint(slope), 0, 255).astype(np.uint8)[None]


def tensors(photos: np.ndarray, holes: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """As `grain_level` takes them."""
    return torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(holes)[:, None].float()


def test_the_residual_is_the_laplacian():
    picture = torch.zeros(1, 1, 5, 5)
    picture[0, 0, 2, 2] = 1
    found = laplacian(picture)[0, 0]
    assert found[2, 2] == -4
    assert found[1, 2] == found[2, 1] == found[3, 2] == found[2, 3] == 1
    assert found.abs().sum() == 8
    assert not laplacian(torch.full((1, 3, 4, 4), 0.3)).any()


@pytest.mark.parametrize("deviation", [2.0, 5.0, 12.0])
def test_white_noise_has_the_level_that_its_deviation_gives(deviation):
    """The Laplacian's four ones and one -4 multiply a deviation by the root of 20."""
    photos, masks = tensors(grainy(deviation), inputs.holes(1, (SIDE, SIDE)))
    level = grain_level(photos, masks)
    expected = 20**0.5 * deviation / 255 / UNIT
    assert level.shape == masks.shape
    assert torch.median(level[masks > 0]).item() == pytest.approx(expected, rel=0.1)


def test_each_side_of_a_photo_has_its_own_level():
    hole = np.zeros((1, SIDE, SIDE), bool)
    hole[:, 30:66, 10:86] = True
    photos = np.concatenate([grainy(2)[:, :, : SIDE // 2], grainy(12)[:, :, SIDE // 2 :]], axis=2)
    level = grain_level(*tensors(photos, hole))[0, 0].numpy()
    assert level[48, 80] > 3 * level[48, 15]


def test_the_hole_is_not_looked_at():
    photos, masks = tensors(grainy(4), inputs.holes(1, (SIDE, SIDE)))
    other = photos * (1 - masks) + masks
    assert torch.equal(grain_level(photos, masks), grain_level(other, masks))


def test_where_nothing_is_known_the_noise_stays_as_it_is():
    photos, _ = tensors(grainy(4), inputs.holes(1, (SIDE, SIDE)))
    nothing, lines = torch.ones(1, 1, SIDE, SIDE), torch.ones(1, 1, SIDE, SIDE)
    lines[..., ::8] = 0  # known columns too thin for a residual of their own
    assert torch.equal(grain_level(photos, nothing), nothing)
    assert torch.equal(grain_level(photos, lines), nothing)


def test_what_ships_paints_much_grain_beside_much_and_little_beside_little():
    side, strengths = 128, []
    hole = inputs.holes(1, (side, side))
    model = load_inpainter("safepaint", device="cpu")
    for deviation in (1.5, 9.0):
        photos = grainy(deviation, side)
        filled = calling.composite(photos, hole, calling.inpaint(model, photos, hole))
        residuals = laplacian(tensors(filled, hole)[0])[0].abs().mean(0).numpy()
        strengths.append(np.median(residuals[hole[0]]))
    assert strengths[1] > 2 * strengths[0]
