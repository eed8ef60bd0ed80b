"""Pictures as networks take them that began from ImageNet's: less its mean, over its deviation; squares of a side."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from safebench.models.toolbox.classical import to_images

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def standardised(pictures: Tensor) -> Tensor:
    """B x 3 x H x W in [0, 1], less ImageNet's mean over its deviation, channel by channel in that order."""
    mean, std = (torch.tensor(values, device=pictures.device).view(3, 1, 1) for values in (_MEAN, _STD))
    return (pictures - mean) / std


def squares(images: Tensor, side: int) -> Tensor:
    """B x 3 x H x W in [0, 1] brought to side x side by OpenCV's bilinear interpolation of 8-bit pictures."""
    resized = np.stack([cv2.resize(image, (side, side)) for image in to_images(images)])
    return torch.from_numpy(resized).to(images.device).permute(0, 3, 1, 2).float() / 255
