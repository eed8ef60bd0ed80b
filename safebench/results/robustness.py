"""What a condition costs each detector, and who may be said to lose least or most by it (docs/protocol.md, 10).

A detector's loss is its pixel AUC on pictures as their maker left them, less that on the same pictures after
post-processing; or its pixel AUC on spliced pictures, less that on the regenerated ones of the same samples.  Its
figure is that of the condition under which it loses most.
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
from safebench.results.claims import Claims
from safebench.results.traces import PIXEL, Cell
from safebench.results.verdict import Name, Sentence, Verdict, too_few
from safebench.results.words import Figure, told

_IMAGE = ["dataset", "inpainter", "detector", "photo", "sample"]
Key = tuple[str, str, str, str]
"""Data set, inpainter, post-process, detector."""


@dataclass(frozen=True)
class Loss:
    """What a detector loses under the condition that costs it most."""

    condition: str
    lost: Figure


def losses(detection: pd.DataFrame, together: str = "") -> dict[Key, Figure]:
    """The pixel AUC lost under each post-processing, over the images that have a figure both ways.

    detection: stored rows (`safebench.runs.schema.columns`).  The interval is the bootstrap's over photos.
    together: the name under which the images of all inpainters count as one; "": each inpainter by itself.
    """
    plain = detection["postprocess"] == NO_POSTPROCESS
    return paired_losses(detection[plain].drop(columns="postprocess"), detection[~plain], together)


def paired_losses(before: pd.DataFrame, after: pd.DataFrame, together: str = "") -> dict[Key, Figure]:
    """The pixel AUC lost from some rows to others of the same images, by the post-process of the others; see `losses`.

    before, after: stored rows.  They pair by image, and by post-process where both have that column: so the spliced and
    the regenerated pictures of a run.
    """
    image = [*_IMAGE, *(["postprocess"] if "postprocess" in before else [])]
    first, second = (
        rows.loc[np.isfinite(rows[PIXEL].to_numpy(dtype=np.float64)), list(dict.fromkeys([*names, PIXEL]))]
        for rows, names in ((before, image), (after, [*image, "postprocess"]))
    )
    both = second.merge(first, on=image, suffixes=("", "_before"))
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
    """The loss under the condition that costs most; None where nothing is known.  `lost`: by condition."""
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


@dataclass(frozen=True)
class Wording:
    """How it is said what detectors lose; each `{}` stands for a detector, what it loses, and the condition.

    question: what there may be too few photos to say.  least, most: sentences.  each, unsettled: part of a sentence,
    and its beginning.  aside: the beginning of a sentence that names who is not compared.
    """

    question: str
    least: str
    most: str
    each: str
    unsettled: str
    aside: str


POSTPROCESSING = Wording(
    question="which detector is most robust to post-processing",
    least="Most robust to post-processing: {} loses {} of its pixel AUC at worst, after {}.",
    most="Most fragile: {} loses {} of its pixel AUC after {}.",
    each="{} loses {} of its pixel AUC at worst, after {}",
    unsettled="No detector is named most robust or most fragile, since intervals overlap",
    aside=f"Not compared in robustness, with no pixel AUC clearly above {CHANCE} to lose",
)
WHOLE = Wording(
    question="which detector loses least where whole pictures are regenerated",
    least="Loses least in whole pictures: {} loses {} of its pixel AUC where they are {}.",
    most="Loses most in whole pictures: {} loses {} of its pixel AUC where they are {}.",
    each="{} loses {} of its pixel AUC where they are {}",
    unsettled="No detector is said to lose least or most in whole pictures, since intervals overlap",
    aside=f"Not compared, with no pixel AUC clearly above {CHANCE} in spliced pictures to lose",
)


def most_robust(
    claims: Claims,
    plain: Sequence[Cell],
    lost: Mapping[str, Mapping[str, Figure]],
    wording: Wording = POSTPROCESSING,
) -> Verdict:
    """What may be said of the detectors of a data set; nothing where there is only one, or no other condition.

    plain: of each detector that may be compared, its cell over the images of the same inpainters under the usual
    condition.  lost: by detector and other condition, over the same images.  Who does not find them clearly (its
    pixel AUC's interval does not lie above 0.5) has nothing to lose and is not compared, nor who met fewer
    conditions than others.
    """
    met = {name: set(lost.get(name, ())) for name in (cell["detector"] for cell in plain)}
    every = set().union(*met.values())
    if not every or len(plain) < 2:
        return []
    if few := next((cell for cell in plain if not claims.enough(cell)), None):
        return [too_few(wording.question, claims.photos(few))]
    finding = [cell["detector"] for cell in plain if cell[f"{PIXEL}_low"] > CHANCE]
    worst_losses = {name: loss for name in finding if met[name] == every and (loss := worst(lost[name]))}
    aside = [cell["detector"] for cell in plain if cell["detector"] not in finding]
    told_aside = [Sentence(f"{wording.aside}: {', '.join(['{}'] * len(aside))}.", tuple(aside))] if aside else []
    if len(worst_losses) < 2:
        return told_aside
    named = zip(
        (wording.least, wording.most), extremes({name: loss.lost for name, loss in worst_losses.items()}), strict=True
    )
    said = [Sentence(text, (Name(name), *_parts(worst_losses[name]))) for text, name in named if name]
    return [*(said or [_unsettled(worst_losses, wording)]), *told_aside]


def _unsettled(worst_losses: Mapping[str, Loss], wording: Wording) -> Sentence:
    parts = [part for name, loss in worst_losses.items() for part in (name, *_parts(loss))]
    return Sentence(f"{wording.unsettled}: {'; '.join([wording.each] * len(worst_losses))}.", tuple(parts))


def _parts(loss: Loss) -> tuple[str, str]:
    return told(loss.lost), loss.condition
