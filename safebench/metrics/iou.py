"""IoU of the map at the threshold 0.5 (docs/protocol.md, section 4)."""

from __future__ import annotations

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric


def _iou(evidence: MapEvidence) -> float:
    tp, fp, fn, _ = evidence.confusion
    return tp / (tp + fp + fn) if tp else 0.0


IOU = Metric(
    key="iou",
    name="IoU",
    meaning="Intersection over union of map ≥ 0.5 and the hole.",
    subject="localisation",
    compute=_iou,
    needs=frozenset(("map", "hole")),
    better="low",
    tolerance=1e-6,
    default=True,
    shown=frozenset(),
)
