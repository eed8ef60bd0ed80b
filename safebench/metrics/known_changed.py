"""How much of the known pixels an inpainter changed, where its whole output is the picture (docs/protocol.md, 2)."""

from __future__ import annotations

import math

import numpy as np

from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.metric import Metric

LEVELS = 2
"""A known pixel counts as changed where one of its channels differs by more than so many grey levels of 255."""


def known_share(evidence: CompositeEvidence) -> float:
    """The share of known pixels that changed; NaN where none is known."""
    known = evidence.difference[~evidence.hole]
    return float((np.abs(known) > LEVELS).any(axis=1).mean()) if len(known) else math.nan


KNOWN_CHANGED = Metric(
    key="known_changed",
    name="known pixels changed",
    meaning="Share of the known pixels that differ from the photo's by more than 2 grey levels; 0 where spliced.",
    subject="quality",
    compute=known_share,
    needs=frozenset(("composite", "original", "hole")),
    tolerance=1e-6,
    shown=frozenset(("terminal", "report")),
)
