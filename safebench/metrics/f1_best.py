"""F1-best, an oracle: the largest F1 over all thresholds of each picture (docs/protocol.md, section 4)."""

from __future__ import annotations

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric


def _f1_best(evidence: MapEvidence) -> float:
    """Over each distinct value of the map, and one above them all."""
    hole_below, rest_below = evidence.ranks
    hole = hole_below[-1]
    if not hole:
        return 0.0
    tp, fp = hole - hole_below, rest_below[-1] - rest_below
    return float((2 * tp / (tp + fp + hole)).max())


F1_BEST = Metric(
    key="f1_best",
    name="F1-best (oracle)",
    meaning="The largest F1 over all thresholds of each image: an oracle, since the hole chooses the threshold.",
    subject="localisation",
    compute=_f1_best,
    needs=frozenset(("map", "hole")),
    better="low",
    tolerance=2e-3,  # of a map that was stored with 16 bits
    default=True,
    shown=frozenset(),
)
