"""For models that work on one 8-bit image at a time, outside torch: from a batch of tensors and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.uint8]
"""H x W x 3, RGB."""


def fill_each(images: Tensor, masks: Tensor, fill: Callable[[Image, NDArray[np.bool_]], NDArray[Any]]) -> Tensor:
    """Fill each image of a batch by `fill(image, hole)`.

    `fill` gets uint8 H x W x 3 and bool H x W (True = hole), and returns H x W x 3: uint8, or float in [0, 1].
    An image without a hole, or with nothing but a hole, is returned as it is: there is nothing to fill, or
    nothing to fill it from.  Returns float32 B x 3 x H x W in [0, 1], on the batch's device.
    """
    filled = []
    for image, hole in zip(to_images(images), masks[:, 0].cpu().numpy() > 0.5, strict=True):
        result = image if hole.all() or not hole.any() else fill(image, hole)
        scale = 255 if result.dtype == np.uint8 else 1
        filled.append(np.clip(result.astype(np.float32) / scale, 0, 1))
    return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).contiguous().to(images.device)


def map_each(images: Tensor, locate: Callable[[Image], NDArray[Any]]) -> Tensor:
    """The map of each image of a batch by `locate(image)`: uint8 H x W x 3 to H x W in [0, 1].

    Maps are rounded to 16 bits, as they are stored: so a figure is the same from the stored map, to the last tie.
    Returns float32 B x H x W, on the batch's device.
    """
    maps = [(np.rint(locate(image) * 65535.0) / 65535).astype(np.float32) for image in to_images(images)]
    return torch.from_numpy(np.stack(maps)).to(images.device)


def to_images(images: Tensor) -> NDArray[np.uint8]:
    """A batch's 8-bit images: float32 B x 3 x H x W in [0, 1] to uint8 B x H x W x 3."""
    levels = images.mul(255).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy()
