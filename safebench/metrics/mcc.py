"""Matthews' correlation of the map at the threshold 0.5 (docs/protocol.md, section 4)."""

from __future__ import annotations

import math

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric


def _mcc(evidence: MapEvidence) -> float:
    """In [-1, 1]; 0 where it is undefined, as in scikit-learn."""
    tp, fp, fn, tn = evidence.confusion
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0


MCC = Metric(
    key="mcc",
    name="MCC",
    meaning="Matthews correlation of map ≥ 0.5 and the hole.",
    subject="localisation",
    compute=_mcc,
    needs=frozenset(("map", "hole")),
    better="low",
    tolerance=1e-6,
    default=True,
    shown=frozenset(),
)
