"""Pictures of any size, shown to a network of one size, and back."""

from __future__ import annotations

import pytest
import torch
from safebench_inpainters._framing import Framed, framed

PHOTO = torch.rand(1, 3, 90, 130, generator=torch.Generator().manual_seed(0))


def hole(top: int, left: int, bottom: int, right: int) -> torch.Tensor:
    mask = torch.zeros(1, 1, 90, 130)
    mask[..., top:bottom, left:right] = 1
    return mask


def sides(part: Framed) -> tuple[int, ...]:
    assert part.image.shape[-2:] == part.mask.shape[-2:]
    return tuple(part.image.shape[-2:])


def test_at_its_own_size_a_picture_is_mirrored_and_comes_back_as_it_was() -> None:
    part = framed(PHOTO, hole(10, 10, 30, 30), 0, "pad", 16)
    assert sides(part) == (96, 144)
    torch.testing.assert_close(part.image[..., 90, :130], PHOTO[..., 89, :])
    torch.testing.assert_close(part.back(part.image, PHOTO), PHOTO)


@pytest.mark.parametrize("size", [64, 256])
def test_padding_shows_all_of_it_in_a_square(size: int) -> None:
    part = framed(PHOTO, hole(10, 10, 30, 30), size, "pad", 16)
    assert sides(part) == (size, size)
    assert part.scaled == (round(90 * size / 130), size)
    assert part.back(part.image, PHOTO).shape == PHOTO.shape


def test_a_hole_of_one_pixel_survives_the_scaling() -> None:
    part = framed(PHOTO, hole(41, 77, 42, 78), 32, "pad", 16)
    assert part.mask.max() == 1
    assert set(part.mask.unique().tolist()) == {0, 1}


def test_cropping_shows_a_square_around_the_hole_and_leaves_the_rest() -> None:
    part = framed(PHOTO, hole(70, 100, 85, 125), 64, "crop", 16)
    assert part.box == (26, 66, 90, 130)
    torch.testing.assert_close(part.image, PHOTO[..., 26:90, 66:130])
    back = part.back(torch.zeros_like(part.image), PHOTO)
    assert back[..., 26:90, 66:130].max() == 0
    torch.testing.assert_close(back[..., :26, :], PHOTO[..., :26, :])


def test_a_large_hole_is_cropped_with_its_surroundings() -> None:
    part = framed(PHOTO, hole(10, 20, 60, 80), 64, "crop", 16)
    assert part.box == (0, 5, 90, 95)
    assert sides(part) == (64, 64)


def test_without_a_hole_all_is_shown() -> None:
    assert framed(PHOTO, hole(0, 0, 0, 0), 64, "crop", 16).box == (0, 0, 90, 130)
