"""Grey pictures and Canny edges of what lies around a hole, for networks that continue edges."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.feature import canny
from torch import Tensor

SIGMA = 2.0
"""Of the Gaussian before Canny, in pixels; EdgeConnect's and CTSDG's authors use the same."""


def grey_and_edges(photos: NDArray[np.uint8], masks: Tensor) -> tuple[Tensor, Tensor]:
    """Grey levels in [0, 1] and edges (0 or 1) of a batch, both float32 B x 1 x H x W, 0 in the hole.

    photos: B x H x W x 3, RGB; masks: B x 1 x H x W, 1 = hole.  scikit-image's Canny with its default thresholds;
    the hole's pixels take no part in the smoothing, and no edge lies within one pixel of the hole.
    """
    known = masks[:, 0].cpu().numpy() < 0.5
    greys = rgb2gray(photos)
    edges = [canny(grey, sigma=SIGMA, mask=seen) for grey, seen in zip(greys, known, strict=True)]
    drawn = (torch.from_numpy(np.stack(picture)[:, None]) for picture in (greys * known, edges))
    grey, edge = (picture.to(masks.device, torch.float32) for picture in drawn)
    return grey, edge


def whole_edges(photo: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """The same of one whole photo, H x W x 3, for training: each float32 1 x H x W."""
    grey = rgb2gray(photo)
    drawn = canny(grey, sigma=SIGMA)
    return torch.from_numpy(grey)[None].float(), torch.from_numpy(drawn)[None].float()
