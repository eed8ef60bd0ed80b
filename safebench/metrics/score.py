"""The image-level score (docs/protocol.md, section 5)."""

from __future__ import annotations

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric


def _score(evidence: MapEvidence) -> float:
    return evidence.score


SCORE = Metric(
    key="score",
    name="Mean score",
    meaning="Mean image-level score of the inpainted images.",
    subject="detection",
    compute=_score,
    needs=frozenset(("score",)),
    better="low",
    tolerance=2e-3,  # where it is the mean of the map's top 1%, of a map that was stored with 16 bits
    interval=False,
    default=True,
    shown=frozenset(),
)
