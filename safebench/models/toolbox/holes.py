"""What lies under a hole, for models that are never shown it and yet take something from there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from safebench.models.toolbox.classical import to_images


def spread_known(images: Tensor, masks: Tensor) -> Tensor:
    """Give each pixel of a hole the colour of the known pixel nearest to it.

    For models that scale a picture with its hole, or blend with what it holds there: of a black hole they would make a
    dark rim.  images: B x 3 x H x W in [0, 1]; masks: B x 1 x H x W, 1 = hole.  Returns 8-bit levels as float32 of the
    same shape; a picture without a hole, or with nothing else, keeps its pixels.
    """
    from scipy.ndimage import distance_transform_edt  # slow to import

    pictures = []
    for image, hole in zip(to_images(images), masks[:, 0].cpu().numpy() > 0.5, strict=True):
        if hole.all() or not hole.any():
            pictures.append(image)
            continue
        rows, columns = distance_transform_edt(hole, return_distances=False, return_indices=True)
        pictures.append(image[rows, columns])
    levels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return levels.to(images.device, torch.float32).div(255)
