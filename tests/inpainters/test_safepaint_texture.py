"""The detail that SafePaint carries into holes: from where, how strong, and of nothing but known pixels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safebench_inpainters.safepaint.texture import PATCH, STEP, _laid, carry_texture
from torch import Tensor

SIDE = 128


def noise(*shape: int, seed: int = 0, deviation: float = 0.05) -> Tensor:
    return deviation * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def middle(height: int = SIDE, width: int = SIDE) -> Tensor:
    """A hole over a quarter of the picture: 1 x 1 x H x W."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., height // 4 : height // 4 * 3, width // 4 : width // 4 * 3] = 1
    return mask


def test_noise_keeps_its_strength():
    """Uncorrelated detail has, laid out with overlaps, the energy that it had (less what is smooth of it)."""
    photos, mask = 0.5 + noise(1, 3, SIDE, SIDE), middle()
    carried = carry_texture(photos * (1 - mask), mask, torch.full_like(photos, 0.5))
    inside = carried[mask.expand_as(carried) > 0]
    assert inside.std().item() == pytest.approx(0.05, rel=0.1)
    assert inside.mean().abs() < 0.005


def test_each_colour_gets_the_detail_of_its_like():
    """The photo is dark and grainy on the left, bright and smooth on the right; the guide tells what belongs where."""
    colours = torch.linspace(0.2, 0.8, SIDE).expand(1, 3, SIDE, SIDE)
    mask, dark, bright = middle(), (..., slice(40, 88), slice(36, 56)), (..., slice(40, 88), slice(72, 92))
    photos = colours + noise(1, 3, SIDE, SIDE) * (torch.arange(SIDE) < SIDE // 2)
    carried = carry_texture(photos * (1 - mask), mask, colours)
    turned = carry_texture(photos * (1 - mask), mask, colours * (1 - mask) + colours.flip(3) * mask)
    assert carried[dark].std() > 0.03
    assert turned[bright].std() > 0.03
    assert carried[bright].std() < 0.01
    assert turned[dark].std() < 0.01


def test_of_equal_colours_the_nearer_is_copied():
    """One colour all over; what lies left of the hole is grainy, what lies right of it is not."""
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 32:96] = 1
    photos = 0.5 + noise(1, 3, SIDE, SIDE) * (torch.arange(SIDE) < SIDE // 2)
    carried = carry_texture(photos * (1 - mask), mask, torch.full_like(photos, 0.5))
    assert carried[..., 36:48].std() > 0.03
    assert carried[..., 80:92].std() < 0.005


def test_what_is_copied_is_longer_than_a_patch():
    """A low hole in a picture that grows bright from left to right; the guide does too, roughly: what fits goes on."""
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 76:84, 40:88] = 1
    ramp = torch.linspace(0.2, 0.8, SIDE).expand(1, 3, SIDE, SIDE)
    photos, guide = ramp + noise(1, 3, SIDE, SIDE), ramp + noise(1, 3, SIDE, SIDE, seed=1, deviation=0.02)
    carried = carry_texture(photos * (1 - mask), mask, photos * (1 - mask) + guide * mask)[0, :, 76:84, 44:84]
    windows = (photos - ramp)[0].unfold(1, 8, 1).unfold(2, 40, 1)
    assert _alike(windows, carried).max() > 0.9


def test_no_patch_lies_side_by_side_with_itself():
    """One known square alone has the guide's colour, and all else is nearly so: others are taken beside it."""
    photos, mask = 0.5 + noise(1, 3, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 40:88, 40:88] = 1
    photos[..., 52:80, 8:36] += 0.05
    carried = carry_texture(photos * (1 - mask), mask, photos * (1 - mask) + 0.55 * mask)[0]
    for down, right in ((0, STEP), (STEP, 0)):
        moved = carried[:, 44 + down : 72 + down, 44 + right : 72 + right]
        assert _alike(carried[:, None, None, 44:72, 44:72], moved).max() < 0.5


def test_where_patches_go_on_their_overlaps_are_no_stronger():
    """The windows of a picture, laid where they were cut, are the picture: there is nothing to be made up for."""
    picture = noise(1, 3, PATCH + 3 * STEP, PATCH + 2 * STEP)
    patches = picture.unfold(2, PATCH, STEP).unfold(3, PATCH, STEP).permute(0, 2, 3, 1, 4, 5)
    offsets = torch.zeros(patches.shape[:3], dtype=torch.long)
    torch.testing.assert_close(_laid(patches, offsets), picture)


def _alike(windows: Tensor, wanted: Tensor) -> Tensor:
    """The correlation of each of 3 x rows x columns x height x width windows with 3 x height x width."""
    every = windows.permute(1, 2, 0, 3, 4).flatten(2)
    every, one = every - every.mean(-1, keepdim=True), wanted.flatten() - wanted.mean()
    return (every @ one) / (every.norm(dim=-1) * one.norm())


def test_whole_patches_are_copied_as_they_are():
    """A hole of one patch's middle: what lies there is the detail of one known place, less something smooth."""
    photos, mask = 0.5 + noise(1, 3, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 52:56, 52:56] = 1  # of the patches, which begin at multiples of 12, 48 to 63 alone lies on it
    carried = carry_texture(photos * (1 - mask), mask, photos)[0, :, 52:56, 52:56]
    known = 1 - mask[0]
    everywhere = carry_texture(photos, torch.zeros_like(mask), photos)
    assert not everywhere.any()
    windows = photos[0].unfold(1, 4, 1).unfold(2, 4, 1)  # 3 x 125 x 125 x 4 x 4
    differences = windows - carried[:, None, None]
    smooth = differences.std(dim=(-2, -1)).amax(0)
    row, column = divmod(int(smooth.argmin()), smooth.shape[1])
    assert smooth.min() < 0.005
    assert known[..., row : row + 4, column : column + 4].all()


def test_the_hole_is_not_looked_at_and_nothing_is_added_outside():
    photos, mask = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)), middle()
    guide = photos * (1 - mask) + 0.5 * mask
    carried = carry_texture(photos, mask, guide)
    assert torch.equal(carried, carry_texture(photos * (1 - mask), mask, guide))
    assert not (carried * (1 - mask)).any()
    assert carried.any()


@pytest.mark.parametrize("known", [0, 8])
def test_where_no_patch_is_known_nothing_is_carried(known):
    photos, mask = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    mask[..., :known] = 0
    assert not carry_texture(photos * (1 - mask), mask, photos).any()


@settings(deadline=None, max_examples=20)
@given(height=st.integers(16, 40), width=st.integers(16, 40), seed=st.integers(0, 2**31 - 1))
def test_every_size_and_every_picture_of_a_batch_by_itself(height, width, seed):
    """Sides that are multiples of 4; each picture with a hole of its own."""
    generator = torch.Generator().manual_seed(seed)
    height, width = 4 * height, 4 * width
    photos = torch.rand(3, 3, height, width, generator=generator)
    masks = torch.zeros(3, 1, height, width)
    for mask in masks:
        top, left = (int(torch.randint(0, side, (), generator=generator)) for side in (height, width))
        mask[:, top : top + height // 3, left : left + width // 3] = 1
    carried = carry_texture(photos, masks, photos)
    assert carried.shape == photos.shape
    assert carried.isfinite().all()
    assert (carried.abs() <= 2).all()
    for k in range(3):
        assert torch.equal(carried[k : k + 1], carry_texture(photos[k : k + 1], masks[k : k + 1], photos[k : k + 1]))
