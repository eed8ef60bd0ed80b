"""What is done to a picture between its maker and its judge, on the worker's side."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from safebench.models import calling
from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage
from safebench.route.chains import Chain
from safebench.work.tasks import Portable, loaded_once

_one_at_a_time = threading.RLock()
"""Batches are read by several threads at once; steps are loaded once, and a network is called by one of them."""


@dataclass
class Postprocessor(Portable):
    """Chains at work, by label; their steps are loaded when first needed."""

    chains: Mapping[str, Chain]
    device: str

    def __call__(self, label: str, image: MaskedImage) -> MaskedImage:
        """The image after a chain; raises what its steps raise, ModelError where one breaks its contract."""
        for step in self._steps(label):
            if step.card.repeatable:
                image = calling.postprocess(step, image)
            else:
                with _one_at_a_time:
                    image = calling.postprocess(step, image)
        return image

    def _steps(self, label: str) -> Sequence[PostProcessing]:
        with _one_at_a_time:
            if label not in self._loaded:
                self._loaded[label] = [step.load(self.device) for step in self.chains[label].steps]
            return self._loaded[label]

    @loaded_once
    def _loaded(self) -> dict[str, list[PostProcessing]]:
        return {}
