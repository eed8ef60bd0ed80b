"""Detectors that an inpainter trains against."""

from __future__ import annotations

import pytest
import torch

from safebench.errors import ConfigError, UnknownNameError
from safebench.models.contracts import Detection
from safebench.testing import inputs
from safebench.training.against import Opponents, check_differentiable


@pytest.fixture
def opponents() -> Opponents:
    return Opponents(["iid-net"], torch.device("cpu"))


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.from_numpy(inputs.photos(2, (64, 64))).permute(0, 3, 1, 2).float() / 255


@pytest.fixture
def masks() -> torch.Tensor:
    return torch.from_numpy(inputs.holes(2, (64, 64)))[:, None].float()


def test_what_is_found_is_what_the_hole_has_more_than_the_known_pixels(opponents, pictures, masks):
    [detector] = opponents._detectors
    with torch.no_grad():
        maps = detector.detect((pictures * 255).round() / 255).maps
        more = []
        for map_, hole in zip(maps, masks[:, 0] > 0, strict=True):
            entropy = -torch.log(1 - map_)
            more.append((entropy[hole] - entropy[~hole].mean()).clamp(min=0))
        torch.testing.assert_close(opponents.found(pictures + 0.001, masks), torch.cat(more).mean())
        assert opponents.found(pictures, torch.zeros_like(masks)) == 0


def test_below_the_known_pixels_there_is_nothing_to_win(opponents, masks, monkeypatch):
    class Inverted:
        def detect(self, images: torch.Tensor) -> Detection:
            return Detection(maps=0.5 * (1 - masks[:, 0]) + 0 * images[:, 0])

    monkeypatch.setattr(opponents, "_detectors", [Inverted()])
    pictures = torch.rand(2, 3, 64, 64, requires_grad=True)
    found = opponents.found(pictures, masks)
    found.backward()
    assert found == 0
    assert pictures.grad is not None
    assert not pictures.grad.any()


def test_gradients_reach_the_pictures_and_not_the_detectors(opponents, pictures, masks):
    pictures.requires_grad_()
    opponents.found(pictures, masks).backward()
    assert pictures.grad is not None
    assert pictures.grad.abs().max() > 0
    network = next(part for part in vars(opponents._detectors[0]).values() if isinstance(part, torch.nn.Module))
    assert not network.training
    assert all(not p.requires_grad and p.grad is None for p in network.parameters())


def test_a_map_of_ones_still_has_a_finite_loss(opponents, pictures, masks, monkeypatch):
    class Sure:
        def detect(self, images: torch.Tensor) -> Detection:
            return Detection(maps=torch.ones(len(images), 64, 64))

    monkeypatch.setattr(opponents, "_detectors", [Sure()])
    assert torch.isfinite(opponents.found(pictures, masks))


def test_who_lets_no_gradients_through_is_told_before_the_training():
    with pytest.raises(ConfigError, match="against: no gradients go through laplacian"):
        check_differentiable("laplacian")
    with pytest.raises(UnknownNameError, match="did you mean iid-net"):
        check_differentiable("iid-nett")
    check_differentiable("hp-fcn")
