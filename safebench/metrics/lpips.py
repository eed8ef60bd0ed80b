"""LPIPS of Zhang et al. 2018; its network is in `perceptual` (docs/protocol.md, section 3)."""

from __future__ import annotations

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.metric import Metric

NETWORK = "lpips"
"""The network's name in `needs`; which backbone it has is the run's choice (`--lpips-net`)."""


def _lpips(evidence: CompositeEvidence) -> float:
    return float(evidence.networks[NETWORK](evidence.composite[None], evidence.true_original[None])[0])


LPIPS = Metric(
    key="lpips",
    name="LPIPS",
    meaning="Learned perceptual distance to the original.",
    subject="quality",
    compute=_lpips,
    needs=frozenset(("composite", "original", NETWORK)),
    better="low",
    default=True,
)
