"""What one cell shows of an inpainter: how much a detector finds, whether it is misled, whether that is chance.

A cell is a row of `safebench.results.tables` as a mapping.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from safebench.metrics.auc import AUC, CHANCE
from safebench.metrics.detection_rate_at_5 import DETECTION_RATE_AT_5
from safebench.metrics.image_auc import IMAGE_AUC
from safebench.metrics.thresholds import FALSE_ALARMS_PER
from safebench.results.tables import CHANCE_LOW

Cell = Mapping[str, Any]
OneCell = TypeVar("OneCell", bound=Cell)

PIXEL, IMAGE, RATE = AUC.key, IMAGE_AUC.key, DETECTION_RATE_AT_5.key
"""The three figures that together say whether an inpainter is found."""


def strongest(cells: Iterable[OneCell], metric: str) -> OneCell | None:
    """Of one inpainter's cells that of the detector that finds most by an AUC; None where none has one.

    One that is misled, clearly below chance, speaks only where all are: then as far from chance as it lies.
    """
    known = [cell for cell in cells if not math.isnan(cell.get(metric, math.nan))]
    return max(known, key=lambda cell: _strength(cell, metric), default=None)


def _strength(cell: Cell, metric: str) -> tuple[bool, float]:
    misled = below_chance(cell, metric)
    return not misled, trace(cell, metric) if misled else cell[metric]


def trace(cell: Cell, metric: str) -> float:
    """How much is found, however the detector is turned: an AUC below chance counts as far above it."""
    return CHANCE + abs(float(cell[metric]) - CHANCE)


def below_chance(cell: Cell, metric: str) -> bool:
    """Whether an AUC lies clearly below 0.5 (docs/protocol.md, section 4: inverted), of pixels or of whole images."""
    if metric == PIXEL:
        return bool(cell["inverted"])
    return bool(cell[metric] < CHANCE_LOW and cell[f"{metric}_high"] < CHANCE)


def at_chance(cell: Cell) -> bool:
    """Whether a detector does not tell an inpainter from chance: not in pixels, not by whole images, not at 5%.

    What has no interval says nothing.
    """
    aucs = all(cell[f"{metric}_low"] <= CHANCE <= cell[f"{metric}_high"] for metric in (PIXEL, IMAGE))
    return bool(aucs and cell[f"{RATE}_low"] <= 1 / FALSE_ALARMS_PER)
