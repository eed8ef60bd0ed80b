"""What post-processing costs each detector, and who may be called most robust or most fragile (docs/protocol.md, 10).

A detector's loss is its pixel AUC on pictures as their maker left them, less that on the same pictures after
post-processing.  Its figure is that of the condition under which it loses most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from safebench.metrics.auc import CHANCE
from safebench.metrics.uncertainty import Means, intervals
from safebench.protocol import NO_POSTPROCESS
from safebench.results.claims import PIXEL, Cell, Claims
from safebench.results.verdict import Name, Sentence, Verdict, too_few
from safebench.results.words import Figure, told

_IMAGE = ["dataset", "inpainter", "detector", "photo", "sample"]
Key = tuple[str, str, str, str]
"""Data set, inpainter, post-process, detector."""


@dataclass(frozen=True)
class Loss:
    """What a detector loses under the post-processing that costs it most."""

    postprocess: str
    lost: Figure


def losses(detection: pd.DataFrame, together: str = "") -> dict[Key, Figure]:
    """The pixel AUC lost under each post-processing, over the images that have a figure both ways.

    detection: stored rows (`safebench.runs.schema.columns`).  The interval is the bootstrap's over photos.
    together: the name under which the images of all inpainters count as one; "": each inpainter by itself.
    """
    rows = detection[np.isfinite(detection[PIXEL].to_numpy(dtype=np.float64))]
    plain = rows["postprocess"] == NO_POSTPROCESS
    before = rows.loc[plain, [*_IMAGE, PIXEL]]
    both = rows.loc[~plain, [*_IMAGE, "postprocess", PIXEL]].merge(before, on=_IMAGE, suffixes=("", "_before"))
    both["lost"] = both[f"{PIXEL}_before"] - both[PIXEL]
    both = both.sort_values([*_IMAGE, "postprocess"], kind="stable")
    if together:
        both["inpainter"] = together
    cells = list(both.groupby(["dataset", "inpainter", "postprocess", "detector"]))
    lost = [rows["lost"].to_numpy(dtype=np.float64) for _, rows in cells]
    ends = intervals(
        [Means(values[:, None], rows["photo"].to_numpy()) for values, (_, rows) in zip(lost, cells, strict=True)]
    )
    return {
        key: Figure(float(values.mean()), *interval[0])
        for (key, _), values, interval in zip(cells, lost, ends, strict=True)
    }


def worst(lost: Mapping[str, Figure]) -> Loss | None:
    """The loss under the post-processing that costs most; None where nothing is known.  `lost`: by post-process."""
    known = {name: loss for name, loss in lost.items() if not math.isnan(loss.value)}
    name = max(known, key=lambda name: known[name].value, default=None)
    return None if name is None else Loss(name, known[name])


def extremes(lost: Mapping[str, Figure]) -> tuple[str | None, str | None]:
    """Of detectors with what each loses at worst, the most robust and the most fragile, where intervals allow it.

    One is the most robust where its interval lies below all others', the most fragile where it lies above them and
    above nothing lost.  What has no interval, and one alone, is neither.
    """
    if len(lost) < 2 or any(math.isnan(end) for loss in lost.values() for end in (loss.low, loss.high)):
        return None, None
    others = {name: [loss for other, loss in lost.items() if other != name] for name in lost}
    robust = (name for name in lost if lost[name].high < min(loss.low for loss in others[name]))
    fragile = (name for name in lost if lost[name].low > max(0.0, *(loss.high for loss in others[name])))
    return next(robust, None), next(fragile, None)


def most_robust(claims: Claims, plain: Sequence[Cell], lost: Mapping[str, Mapping[str, Figure]]) -> Verdict:
    """What may be said of the detectors of a data set; nothing where there is only one, or no post-processing.

    plain: of each detector that may be compared, its cell over the images of the same inpainters without
    post-processing.  lost: by detector and post-process, over the same images.  Who does not find them clearly (its
    pixel AUC's interval does not lie above 0.5) has nothing to lose and is not compared, nor who met fewer
    post-processings than others.
    """
    met = {name: set(lost.get(name, ())) for name in (cell["detector"] for cell in plain)}
    every = set().union(*met.values())
    if not every or len(plain) < 2:
        return []
    if few := next((cell for cell in plain if not claims.enough(cell)), None):
        return [too_few("which detector is most robust to post-processing", claims.photos(few))]
    finding = [cell["detector"] for cell in plain if cell[f"{PIXEL}_low"] > CHANCE]
    worst_losses = {name: loss for name in finding if met[name] == every and (loss := worst(lost[name]))}
    aside = [cell["detector"] for cell in plain if cell["detector"] not in finding]
    told_aside = [_nothing_to_lose(aside)] if aside else []
    if len(worst_losses) < 2:
        return told_aside
    robust, fragile = extremes({name: loss.lost for name, loss in worst_losses.items()})
    said = [_named(text, name, worst_losses[name]) for text, name in ((_ROBUST, robust), (_FRAGILE, fragile)) if name]
    return [*(said or [_unsettled(worst_losses)]), *told_aside]


_ROBUST = "Most robust to post-processing: {} loses {} of its pixel AUC at worst, after {}."
_FRAGILE = "Most fragile: {} loses {} of its pixel AUC after {}."


def _named(template: str, name: str, loss: Loss) -> Sentence:
    return Sentence(template, (Name(name), told(loss.lost), loss.postprocess))


def _unsettled(losses: Mapping[str, Loss]) -> Sentence:
    parts = [part for name, loss in losses.items() for part in (name, told(loss.lost), loss.postprocess)]
    clauses = "; ".join(["{} loses {} of its pixel AUC at worst, after {}"] * len(losses))
    return Sentence(
        f"No detector is named most robust or most fragile, since intervals overlap: {clauses}.", tuple(parts)
    )


def _nothing_to_lose(names: Sequence[str]) -> Sentence:
    listed = ", ".join(["{}"] * len(names))
    return Sentence(
        f"Not compared in robustness, with no pixel AUC clearly above {CHANCE} to lose: {listed}.", tuple(names)
    )
