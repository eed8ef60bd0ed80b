"""SSIM of Wang et al. 2004, by scikit-image (docs/protocol.md, section 3)."""

from __future__ import annotations

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.psnr import PEAK

WINDOW = 11
"""Side of its window, so the smallest image that has an SSIM."""


def _ssim(evidence: CompositeEvidence) -> float:
    """Gaussian window, variances over N rather than N - 1, the window's border left out.

    scikit-image ends the Gaussian at 3.5 sigma; with sigma 1.5 that is the 11 x 11 window.
    Raises ValueError where a side is below 11 pixels.
    """
    from skimage.metrics import structural_similarity  # slow to import, and not needed to read tables

    if min(evidence.composite.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs at least {WINDOW} pixels a side, the image has {evidence.composite.shape[:2]}")
    value = structural_similarity(
        evidence.composite,
        evidence.true_original,
        data_range=PEAK,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return float(value)


SSIM = Metric(
    key="ssim",
    name="SSIM",
    meaning="Structural similarity to the original, whole image.",
    subject="quality",
    compute=_ssim,
    needs=frozenset(("composite", "original")),
    better="high",
    tolerance=1e-6,
    default=True,
    shown=frozenset(("terminal", "head to head")),
)
