"""Detection rate, the paper's ACC, and false-alarm rate: who is flagged at 0.5 (docs/protocol.md, section 5)."""

from __future__ import annotations

from safebench.metrics.evidence import MapEvidence
from safebench.metrics.metric import Metric
from safebench.protocol import THRESHOLD

COLUMN = "flagged"
"""1 where the score is at least 0.5, else 0: its mean over inpainted images is one rate, over originals the other."""


def _flagged(evidence: MapEvidence) -> float:
    return float(evidence.score >= THRESHOLD)


DETECTION_RATE = Metric(
    key="detection_rate",
    name="ACC (detection rate)",
    meaning="Share of inpainted images with a score ≥ 0.5; read it beside the false alarms.",
    subject="detection",
    compute=_flagged,
    needs=frozenset(("score",)),
    better="low",
    tolerance=0.0,
    column=COLUMN,
    share="pictures",
    default=True,
)
FALSE_ALARM_RATE = Metric(
    key="false_alarm_rate",
    name="False-alarm rate",
    meaning="Share of untouched originals with a score ≥ 0.5.",
    subject="detection",
    compute=_flagged,
    needs=frozenset(("score",)),
    tolerance=0.0,
    column=COLUMN,
    share="pictures",
    over="originals",
    default=True,
    shown=frozenset(("terminal", "leaderboard")),
)
