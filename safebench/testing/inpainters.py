"""The contract of an inpainter, as tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from safebench.metrics.known_changed import LEVELS
from safebench.models import calling
from safebench.models.contracts import Inpainter
from safebench.testing import inputs
from safebench.testing.contract import Contract


class InpainterContract(Contract):
    """An inpainter's; see `Contract` for how it is used."""

    kind = "inpainters"
    sizes: tuple[tuple[int, int], ...] = ()
    """Heights and widths to try, where the checkpoint decides and not the card."""

    def _sizes(self, model: Inpainter) -> Sequence[tuple[int, int]]:
        return self.sizes or inputs.sizes(model.card)

    def _filled(self, size: tuple[int, int], device: str = "cpu") -> NDArray[np.float32]:
        """The first made-up photo of a size as the model fills it: several tests look at it or compare with it."""
        model, photos, holes = self._loaded(device), inputs.photos(1, size), inputs.holes(1, size)
        return cast("NDArray[np.float32]", self._once((size, device), lambda: calling.inpaint(model, photos, holes)))

    def test_answers_in_shape_and_range_at_every_size_and_device(self) -> None:
        """The engine's checks of shape, type, NaN and range pass at each size that the card allows."""
        for device in self.devices:
            model = self._loaded(device)
            for size in self._sizes(model):
                assert self._filled(size, device).shape == (1, *size, 3)

    def test_batch_equals_single_calls(self) -> None:
        """Some images in one call give what a call for each gives, to 1e-5."""
        model = self._loaded()
        size = self._sizes(model)[0]
        photos, holes = inputs.photos(self.batch, size), inputs.holes(self.batch, size)
        together = calling.inpaint(model, photos, holes)
        others = [calling.inpaint(model, photos[k : k + 1], holes[k : k + 1]) for k in range(1, self.batch)]
        np.testing.assert_allclose(together, np.concatenate([self._filled(size), *others]), atol=1e-5, rtol=0)

    def test_same_seed_same_answer(self) -> None:
        """Called twice, and loaded afresh, it answers the same to the last bit."""
        first, second = self._loaded(), self._load()
        size = self._sizes(first)[0]
        photos, holes = inputs.photos(1, size), inputs.holes(1, size)
        answer = self._filled(size)
        np.testing.assert_array_equal(answer, calling.inpaint(first, photos, holes))
        np.testing.assert_array_equal(answer, calling.inpaint(second, photos, holes))

    def test_never_sees_the_hole(self) -> None:
        """Two photos that differ in the hole alone get the same answer (but for a control that must see it)."""
        model = self._loaded()
        assert not model.sees_hole, "that is set from outside, for one comparison"
        if not model.card.input.blank_hole:
            assert model.card.family == "control", "only a control may be shown what the hole hides"
            return
        size = self._sizes(model)[0]
        photos, holes = inputs.photos(1, size), inputs.holes(1, size)
        other = np.where(holes[..., None], 255 - photos, photos)
        np.testing.assert_array_equal(self._filled(size), calling.inpaint(model, other, holes))

    def test_keeps_known_pixels_where_its_card_says_so(self) -> None:
        """Where the card says `regenerates = false`, no known pixel moves by more than two grey levels."""
        model = self._loaded()
        size = self._sizes(model)[0]
        photos, holes = inputs.photos(1, size), inputs.holes(1, size)
        moved = np.abs(np.rint(self._filled(size) * 255) - photos)[~holes].max()
        assert model.card.regenerates or moved <= LEVELS, "regenerates = false in card.toml"

    def test_leaves_its_inputs_alone(self) -> None:
        """The tensors that it is handed are not written to."""
        model = self._loaded()
        size = self._sizes(model)[0]
        images = torch.from_numpy(inputs.photos(1, size)).permute(0, 3, 1, 2).float() / 255
        masks = torch.from_numpy(inputs.holes(1, size)).float()[:, None]
        before = images.clone(), masks.clone()
        with torch.inference_mode():
            model.inpaint(images, masks)
        assert torch.equal(images, before[0])
        assert torch.equal(masks, before[1])
