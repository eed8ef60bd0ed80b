"""Convolutions by strips answer what they answer of the whole picture."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from safebench.models.toolbox import strips


@pytest.fixture
def _small_strips(monkeypatch):
    monkeypatch.setattr(strips, "PIXELS", 200)


@pytest.mark.usefixtures("_small_strips")
@pytest.mark.parametrize("height", [8, 61, 64])
def test_by_strips_is_the_whole_with_several_strides(height):
    torch.manual_seed(0)
    first, half = nn.Conv2d(3, 5, 5, padding=2), nn.Conv2d(5, 4, 3, stride=2, padding=1)
    seen = []

    def layers(x):
        seen.append(x.shape[2])
        y = first(x).relu()
        return y, half(y)

    x = torch.rand(2, 3, height, 21)
    with torch.inference_mode():
        found = strips.by_strips(layers, x, radius=3, strides=(1, 2))
        assert max(seen) <= 8 + 2 * 4
        for part, whole in zip(found, layers(x), strict=True):
            torch.testing.assert_close(part, whole, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("_small_strips")
@pytest.mark.parametrize("height", [1, 2, 17])
def test_doubled_is_the_whole(height):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 2, 3, padding=1))
    x = torch.rand(1, 3, height, 15)
    with torch.inference_mode():
        whole = layers(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
        torch.testing.assert_close(strips.doubled(layers, x, radius=2), whole, atol=1e-5, rtol=0)


def test_a_small_picture_is_taken_whole():
    x = torch.rand(1, 3, 40, 40)
    (found,) = strips.by_strips(lambda whole: (whole,), x, radius=99)
    assert found is x
