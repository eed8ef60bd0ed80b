"""Pixel accuracy of the map at the threshold 0.5 (docs/protocol.md, section 4)."""

from __future__ import annotations

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric


def _pixel_acc(evidence: MapEvidence) -> float:
    tp, _, _, tn = evidence.confusion
    return (tp + tn) / evidence.map.size


PIXEL_ACC = Metric(
    key="pixel_acc",
    name="Pixel ACC",
    meaning="Share of pixels that map ≥ 0.5 gets right.",
    subject="localisation",
    compute=_pixel_acc,
    needs=frozenset(("map", "hole")),
    better="low",
    tolerance=1e-6,
    default=True,
    shown=frozenset(),
)
