"""F1 of the map at the threshold 0.5 (docs/protocol.md, section 4)."""

from __future__ import annotations

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric


def _f1(evidence: MapEvidence) -> float:
    """2TP / (2TP + FP + FN); 0 where TP = 0."""
    tp, fp, fn, _ = evidence.confusion
    return 2 * tp / (2 * tp + fp + fn) if tp else 0.0


F1 = Metric(
    key="f1",
    name="F1",
    meaning="F1 of map ≥ 0.5 against the hole, mean over images.",
    subject="localisation",
    compute=_f1,
    needs=frozenset(("map", "hole")),
    better="low",
    tolerance=1e-6,  # a value of 0.5 falls on the same side in a stored map
    default=True,
)
