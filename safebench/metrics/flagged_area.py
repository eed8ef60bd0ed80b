"""How much of an untouched original a detector takes for filled (docs/protocol.md, section 5)."""

from __future__ import annotations

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric
from safebench.protocol import THRESHOLD


def _flagged_area(evidence: MapEvidence) -> float:
    return float((evidence.map >= THRESHOLD).mean())


FLAGGED_AREA = Metric(
    key="flagged_area",
    name="Flagged area",
    meaning="Mean share of an untouched original's pixels with a map value ≥ 0.5.",
    subject="localisation",
    compute=_flagged_area,
    needs=frozenset(("map",)),
    tolerance=1e-6,
    over="originals",
    interval=False,
    default=True,
    shown=frozenset(),
)
