"""The contract of a detector, as tests."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from safebench.models import calling
from safebench.testing import inputs
from safebench.testing.contract import Contract

STEPS = (1e-4, 3e-4, 1e-3, 3e-3)
"""Lengths of steps along a gradient; of one alone a map that jumps, where a network picks neighbours, says little."""


class DetectorContract(Contract):
    """A detector's; see `Contract` for how it is used."""

    kind = "detectors"

    def _found(self, size: tuple[int, int], device: str = "cpu") -> calling.Findings:
        """What the model says of the first made-up photo of a size: several tests look at it or compare with it."""
        model, photos = self._loaded(device), inputs.photos(1, size)
        return cast(calling.Findings, self._once((size, device), lambda: calling.detect(model, photos)))

    def test_answers_in_shape_and_range_at_every_size_and_device(self) -> None:
        """The engine's checks of shape, type, NaN and range pass at each size that the card allows."""
        for device in self.devices:
            model = self._loaded(device)
            for size in inputs.sizes(model.card):
                assert self._found(size, device).maps.shape == (1, *size)

    def test_batch_equals_single_calls(self) -> None:
        """Some images in one call give what a call for each gives, to 1e-5."""
        model = self._loaded()
        size = inputs.sizes(model.card)[0]
        photos = inputs.photos(self.batch, size)
        together = calling.detect(model, photos)
        alone = [self._found(size), *(calling.detect(model, photos[k : k + 1]) for k in range(1, self.batch))]
        np.testing.assert_allclose(together.maps, np.stack([a.maps[0] for a in alone]), atol=1e-5, rtol=0)
        np.testing.assert_allclose(together.scores, np.stack([a.scores[0] for a in alone]), atol=1e-5, rtol=0)

    def test_same_seed_same_answer(self) -> None:
        """Called twice, and loaded afresh, it answers the same to the last bit."""
        first, second = self._loaded(), self._load()
        size = inputs.sizes(first.card)[0]
        photos, answer = inputs.photos(1, size), self._found(size)
        for again in (calling.detect(first, photos), calling.detect(second, photos)):
            np.testing.assert_array_equal(answer.maps, again.maps)
            np.testing.assert_array_equal(answer.scores, again.scores)

    def test_survives_dull_images(self) -> None:
        """A black, a white and a flat grey image get an answer within range."""
        model = self._loaded()
        size = inputs.sizes(model.card)[0]
        for level in (0, 127, 255):
            calling.detect(model, np.full((1, *size, 3), level, np.uint8))

    def test_leaves_its_input_alone(self) -> None:
        """The tensor that it is handed is not written to."""
        model = self._loaded()
        if model.card.input.reads == "files":
            return
        images = torch.from_numpy(inputs.photos(1, inputs.sizes(model.card)[0])).permute(0, 3, 1, 2).float() / 255
        before = images.clone()
        with torch.inference_mode():
            model.detect(images)
        assert torch.equal(images, before)

    def test_gradients_reach_its_input_where_its_card_says_so(self) -> None:
        """Of a `differentiable` one the map's gradient is finite, and foretells what small steps do."""
        model = self._loaded()
        if not model.card.differentiable:
            return
        photos = torch.from_numpy(inputs.photos(1, inputs.sizes(model.card)[0])).permute(0, 3, 1, 2).float() / 255
        images = photos.clone().requires_grad_()
        with torch.enable_grad():
            before = model.detect(images).maps.double().clamp(min=1e-12).log().mean()
            (gradient,) = torch.autograd.grad(before, images)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0
        direction, shares = gradient / gradient.norm(), []
        for length in STEPS:
            with torch.no_grad():
                ends = [
                    model.detect(photos + side * length * direction).maps.double().clamp(min=1e-12).log().mean()
                    for side in (1, -1)
                ]
            shares.append(float(ends[0] - ends[1]) / (2 * length * float(gradient.norm())))
        assert abs(np.median(shares) - 1) < 0.2, f"of what the gradient foretells, steps of {STEPS} did {shares}"
