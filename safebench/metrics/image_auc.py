"""Image AUC: how well scores tell inpainted images from untouched originals (docs/protocol.md, section 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from safebench.metrics.evidence import CellEvidence
from safebench.metrics.metric import Metric
from safebench.metrics.ranks import rank_auc
from safebench.metrics.uncertainty import Contrast

Scores = NDArray[np.float64]


def image_auc(inpainted: Scores, originals: Scores) -> float:
    """Area under the ROC curve of inpainted images against originals, ties counting half; NaN where one is empty.

    Scores in [0, 1], one for each image; the order does not matter.
    """
    return rank_auc(np.concatenate([inpainted, originals]), np.arange(inpainted.size + originals.size) < inpainted.size)


def _compute(cell: CellEvidence) -> float:
    return image_auc(cell.scores, cell.controls.scores)


def _resample(cell: CellEvidence) -> tuple[Contrast, int]:
    return cell.contrast, 0


IMAGE_AUC = Metric(
    key="image_auc",
    name="Image AUC",
    meaning="AUC of the image-level score, inpainted images against untouched originals. 0.5 is chance.",
    subject="detection",
    compute=_compute,
    needs=frozenset(("scores", "controls")),
    level="cell",
    better="low",
    chance=0.5,
    resample=_resample,
    share="pairs",
    default=True,
    shown=frozenset(("report", "leaderboard")),
)
