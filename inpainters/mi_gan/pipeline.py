"""The pipeline of MI-GAN's authors as they publish it: one ONNX graph from 8-bit photo and mask to 8-bit photo.

The graph crops the photo around the hole, scales the crop to 512x512, fills it, scales it back and blends it in softly.
It runs on ONNX Runtime, the optional extra `onnx`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import ModelError, PluginError, WeightsError
from safebench.models.generic.models import Network, Outputs

TYPES = (torch.uint8, torch.uint8)
"""Of the photo and of the mask."""


class Pipeline:
    """The graph of a file, called picture by picture."""

    def __init__(self, graph: Network, path: Path) -> None:
        self._graph, self._path = graph, path

    def fill(self, image: Tensor, mask: Tensor) -> Tensor:
        """A photo, 1 x 3 x H x W in [0, 1], and its mask, 1 x 1 x H x W with 1 = hole, to the photo with its hole
        filled; one without a hole comes back as it is, since the graph looks for its edges.

        Raises ModelError where the graph fails or gives no picture of that size.
        """
        if not bool((mask > 0.5).any()):
            return image
        levels = image.mul(255).round().to(torch.uint8)
        known = (mask <= 0.5).to(torch.uint8) * 255
        try:
            outputs = _listed(self._graph.call([levels, known]))
        except RuntimeError as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ModelError(f"{self._path}: the pipeline failed: {reason}") from error
        if [(x.dtype, x.shape) for x in outputs] != [(torch.uint8, image.shape)]:
            raise ModelError(f"{self._path}: gave no photo of 8 bits and of the size that it was given")
        return outputs[0].to(image.device, torch.float32) / 255


def read(path: Path, device: torch.device) -> Pipeline:
    """Open the published file.

    Raises PluginError where ONNX Runtime is not installed, and WeightsError where the file is no such graph.
    """
    try:
        from safebench.models.generic.onnx import open_onnx
    except ImportError as error:
        raise PluginError(
            f"mi-gan: its pipeline needs ONNX Runtime, which could not be imported: {error}; "
            "install it with: pip install 'safebench[onnx]'"
        ) from None
    graph = open_onnx(path, device)
    if graph.types != TYPES:
        taken = ", ".join(str(kind).removeprefix("torch.") for kind in graph.types)
        raise WeightsError(f"{path}: is not MI-GAN's pipeline, which takes two inputs of 8 bits; it takes {taken}")
    return Pipeline(graph, path)


def _listed(outputs: Outputs) -> list[Tensor]:
    return [*outputs.values()] if isinstance(outputs, Mapping) else [*outputs]
