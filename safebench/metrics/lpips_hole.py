"""LPIPS of the hole's filling alone: the known pixels are the original's, whatever the model made of them."""

from __future__ import annotations

import numpy as np

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.lpips import NETWORK
from safebench.metrics.metric import Metric


def _lpips_hole(evidence: CompositeEvidence) -> float:
    spliced = np.where(evidence.hole[..., None], evidence.composite, evidence.true_original)
    return float(evidence.networks[NETWORK](spliced[None], evidence.true_original[None])[0])


LPIPS_HOLE = Metric(
    key="lpips_hole",
    name="LPIPS-hole",
    meaning="LPIPS with the known pixels set to the original's, as in a spliced composite.",
    subject="quality",
    compute=_lpips_hole,
    needs=frozenset(("composite", "original", "hole", NETWORK)),
    better="low",
)
