"""How near a composite comes to the original (docs/protocol.md, section 3; LPIPS is in `perceptual`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

PEAK = 255
SSIM_WINDOW = 11
"""Side of SSIM's window, so the smallest image that has an SSIM."""


@dataclass(frozen=True)
class Quality:
    """The quality figures of one image.

    psnr, psnr_hole: dB, +inf for identical pixels; ssim: in [-1, 1]; l1, l1_hole: mean absolute error in [0, 1];
    hole_ratio: share of hole pixels.  Those of the hole are NaN where there is none.
    """

    psnr: float
    ssim: float
    l1: float
    psnr_hole: float
    l1_hole: float
    hole_ratio: float


def compare(composite: NDArray[np.uint8], original: NDArray[np.uint8], hole: NDArray[np.bool_]) -> Quality:
    """Compare a composite with its original (both uint8 H x W x 3) over the image and over the hole (bool H x W).

    Raises ValueError where the shapes differ or a side is below 11 pixels, SSIM's window.
    """
    if composite.shape != original.shape or composite.shape[:2] != hole.shape:
        raise ValueError(f"shapes differ: composite {composite.shape}, original {original.shape}, hole {hole.shape}")
    difference = composite.astype(np.int64) - original
    inside = difference[hole]
    return Quality(
        psnr=_psnr(difference),
        ssim=_ssim(composite, original),
        l1=_l1(difference),
        psnr_hole=_psnr(inside),
        l1_hole=_l1(inside),
        hole_ratio=int(np.count_nonzero(hole)) / hole.size,
    )


def _psnr(difference: NDArray[np.int64]) -> float:
    """10 log10(255^2 / MSE); whole numbers until the division, so that it is exact."""
    if not difference.size:
        return math.nan
    squares = int(np.square(difference).sum())
    return 10 * math.log10(PEAK**2 * difference.size / squares) if squares else math.inf


def _l1(difference: NDArray[np.int64]) -> float:
    return int(np.abs(difference).sum()) / (PEAK * difference.size) if difference.size else math.nan


def _ssim(composite: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    """Wang et al. 2004: Gaussian window, variances over N rather than N - 1, the window's border left out.

    scikit-image ends the Gaussian at 3.5 sigma; with sigma 1.5 that is the 11 x 11 window.
    """
    if min(composite.shape[:2]) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs at least {SSIM_WINDOW} pixels a side, the image has {composite.shape[:2]}")
    value = structural_similarity(
        composite,
        original,
        data_range=PEAK,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)
