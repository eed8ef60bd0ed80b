"""What is laid under a hole."""

from __future__ import annotations

import pytest
import torch

from safebench.models.toolbox.holes import spread_known


def test_every_hole_pixel_gets_the_colour_of_the_nearest_known_one() -> None:
    image = torch.zeros(1, 3, 1, 5)
    image[..., 0], image[..., 4] = 0.2, 0.8
    mask = torch.tensor([0.0, 1, 1, 1, 0]).view(1, 1, 1, 5)
    spread = spread_known(image, mask)[0, 0, 0]
    assert spread[1].item() == pytest.approx(0.2)
    assert spread[3].item() == pytest.approx(0.8)
    torch.testing.assert_close(spread_known(image, torch.ones(1, 1, 1, 5)), image)
