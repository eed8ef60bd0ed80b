"""The contract of a post-processing, as tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from safebench.errors import ConfigError
from safebench.inputs.images import read_photo
from safebench.models import calling
from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage
from safebench.models.specs import participant
from safebench.testing import inputs
from safebench.testing.contract import Contract


class PostProcessingContract(Contract):
    """A post-processing's; `arguments` are what may follow its colon, `refused` what may not.

    See `Contract` for how it is used.
    """

    kind = "postprocessing"
    arguments: Sequence[str] = ("",)
    refused: ClassVar[Sequence[str]] = ()

    def _steps(self, device: str = "cpu", seed: int = 0) -> list[PostProcessing]:
        names = [f"{self.name}:{argument}" if argument else self.name for argument in self.arguments]
        return [participant(self.kind, name, self.weights, seed).load(device) for name in names]

    def _image(self, step: PostProcessing, masked: bool = True) -> MaskedImage:
        size = inputs.sizes(step.card)[-1]
        return MaskedImage(inputs.photos(1, size)[0], inputs.holes(1, size)[0] if masked else None)

    def test_the_mask_moves_along_at_every_size_and_device(self) -> None:
        """The engine's checks pass at each size that the card allows; a picture without a mask gets none."""
        for device in self.devices:
            for step in self._steps(device):
                for size in inputs.sizes(step.card):
                    photo, hole = inputs.photos(1, size)[0], inputs.holes(1, size)[0]
                    made = calling.postprocess(step, MaskedImage(photo, hole))
                    assert made.mask is not None
                    assert abs(made.mask.mean() - hole.mean()) < 0.05, "the hole keeps its share of the picture"
                    untouched = calling.postprocess(step, MaskedImage(photo, None))
                    assert untouched.mask is None
                    np.testing.assert_array_equal(untouched.pixels, made.pixels)

    def test_the_file_holds_the_pixels(self, tmp_path) -> None:  # type: ignore[no-untyped-def]
        """What a detector that reads files decodes is what one that reads pixels gets."""
        for step in self._steps():
            made = calling.postprocess(step, self._image(step))
            path = tmp_path / f"picture{made.suffix}"
            path.write_bytes(made.file)
            np.testing.assert_array_equal(read_photo(path), made.pixels)

    def test_same_seed_same_file(self) -> None:
        """Called twice, and loaded afresh, it gives the same bytes."""
        for first, second in zip(self._steps(), self._steps(), strict=True):
            image = self._image(first)
            assert calling.postprocess(first, image).file == calling.postprocess(first, image).file
            assert calling.postprocess(first, image).file == calling.postprocess(second, image).file

    def test_leaves_its_input_alone(self) -> None:
        """The pixels and the mask that it is handed are not written to."""
        for step in self._steps():
            image = self._image(step)
            assert image.mask is not None
            pixels, mask = image.pixels.copy(), image.mask.copy()
            calling.postprocess(step, image)
            np.testing.assert_array_equal(image.pixels, pixels)
            np.testing.assert_array_equal(image.mask, mask)

    def test_survives_dull_images(self) -> None:
        """A black, a white and a flat grey picture are taken."""
        for step in self._steps():
            for level in (0, 127, 255):
                calling.postprocess(step, MaskedImage(np.full((64, 64, 3), level, np.uint8), None))

    def test_a_wrong_argument_is_told_in_a_sentence(self) -> None:
        """What must not follow the colon is refused with the name of the post-processing."""
        for argument in self.refused:
            with pytest.raises(ConfigError, match=self.name):
                participant(self.kind, f"{self.name}:{argument}", self.weights).load("cpu")
