"""What a reader has to know before trusting the figures: inverted maps, false alarms, controls, what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from safebench.metrics.auc import AUC
from safebench.metrics.catalogue import BUILT_IN
from safebench.metrics.detection_rate import FALSE_ALARM_RATE
from safebench.models import kinds
from safebench.results.claims import MIN_PHOTOS
from safebench.runs.provenance import caveats, seen_photos

from .._common.ranking import all_bins, of_one_condition, qualities
from .._common.runs import Run
from .._common.words import Figure, figure, listed, number, percent, plural
from .controls import Verdict, verdicts

Tone = Literal["plain", "good", "warning"]
_FALSE_ALARMS_ALLOWED = 0.05
_NAMED_AT_MOST = 4


@dataclass(frozen=True)
class Finding:
    """One sentence or two."""

    text: Markup
    tone: Tone = "plain"


def remarks(run: Run, dataset: str) -> Iterator[Finding]:
    """The remarks on one data set of a run, then on the run."""
    yield from _inverted(run, dataset)
    yield from _false_alarms(run, dataset)
    yield from _controls(run, dataset)
    yield from _state(run, dataset)


def _inverted(run: Run, dataset: str) -> Iterator[Finding]:
    rows = [row for row in all_bins(run, dataset) if row["inverted"]]
    if not rows:
        return
    named = [f"{row['detector']} on {row['inpainter']} ({number(row[AUC.key])})" for row in rows[:_NAMED_AT_MOST]]
    more = [f"{len(rows) - _NAMED_AT_MOST} more"] if len(rows) > _NAMED_AT_MOST else []
    text = Markup("Inverted, AUC clearly below 0.5: {}. That is a detector misled, not a trace hidden.")
    yield Finding(text.format(listed([*named, *more])), "warning")


def _false_alarms(run: Run, dataset: str) -> Iterator[Finding]:
    rows = of_one_condition(run, dataset, run.false_alarms)
    rates = {
        row["detector"]: found
        for row in rows
        if (found := figure(row, FALSE_ALARM_RATE.key) or Figure(math.nan)) and not math.isnan(found.value)
    }
    if not rates:
        return
    seen = max(int(row["n"]) for row in rows)
    text = Markup("False alarms on untouched originals: {}.").format(
        listed(f"{detector} {percent(rate)}" for detector, rate in rates.items())
    )
    loud = [detector for detector, rate in rates.items() if rate.value > _FALSE_ALARMS_ALLOWED]
    if loud:
        text += Markup(" ACC (detection rate) says little of {}: read the image AUC.").format(listed(loud))
    if seen < MIN_PHOTOS:
        text += Markup(" {} are too few to say that false alarms are rare.").format(plural(seen, "original"))
    yield Finding(text, "warning" if loud else "plain")


def _controls(run: Run, dataset: str) -> Iterator[Finding]:
    spoken_of = (dataset, run.claims.place(dataset)[1])
    spoken = [verdict for verdict in verdicts(run) if (verdict.dataset, verdict.postprocess) == spoken_of]
    broken, unclear = ([f"{v.detector} on {v.control} ({v.told_auc})" for v in spoken if v.holds is holds]
                       for holds in (False, None))  # fmt: skip
    if broken:
        text = Markup("Controls that do not hold: {}. Read the figures of these detectors with care.")
        yield Finding(text.format(listed(broken)), "warning")
    if unclear:
        text = Markup("Too few photos to say whether these controls hold: {}.")
        yield Finding(text.format(listed(unclear)), "warning")
    if broken or unclear:
        return
    if spoken:
        yield Finding(Markup("Controls hold: {}.").format(listed(_held(spoken))), "good")
    elif run.detection and run.record.pictures is None:
        text = Markup("No control was run: add {} and {}, whose answers are known.")
        codes = (Markup("<code>--inpainter copy</code>"), Markup("<code>--inpainter noise</code>"))
        yield Finding(text.format(*codes), "warning")


def _held(verdicts_held: list[Verdict]) -> list[str]:
    """`copy at AUC 0.49 to 0.51` for each control."""
    parts = []
    for control in dict.fromkeys(verdict.control for verdict in verdicts_held):
        values = [verdict.auc.value for verdict in verdicts_held if verdict.control == control]
        low, high = number(min(values), 2), number(max(values), 2)
        parts.append(f"{control} at AUC {low}" if low == high else f"{control} at AUC {low} to {high}")
    return parts


def _unequal(run: Run, dataset: str) -> Iterator[Finding]:
    """Who did not see what the others saw, and so is compared with none."""
    claims = run.claims
    place = claims.place(dataset)
    names = [row["inpainter"] for row in qualities(run, dataset) if not run.is_control(row["inpainter"])]
    lacking = {row["inpainter"]: why for row in qualities(run, dataset) if (why := claims.shortfall(row))}
    if run.detection:
        lacking |= {name: why for name in names if (why := claims.gap(place, name))}
    if unequal := [f"{name} ({lacking[name]})" for name in names if name in lacking]:
        text = Markup("Not compared, since the others saw more: {}.")
        yield Finding(text.format(listed(unequal)), "warning")
    ignored = sorted({row["detector"] for row in all_bins(run, dataset)} - {*claims.panel(place)} - claims.learned)
    if ignored:
        text = Markup("Left out of what detectors find together: {}, with no inpainter whose images all went well.")
        yield Finding(text.format(listed(ignored)), "warning")


def _tiles(run: Run) -> Iterator[Finding]:
    """Detectors that looked at large pictures in parts."""
    by_side: dict[int, list[str]] = {}
    for name, model in run.models("detectors").items():
        if model.tile:
            by_side.setdefault(model.tile, []).append(name)
    for side, names in by_side.items():
        text = Markup("{} looked at pictures with a side over {} pixels in tiles of that side, which overlap.")
        yield Finding(text.format(listed(names), side))


def _state(run: Run, dataset: str) -> Iterator[Finding]:
    if note := run.record.photos.note:
        yield Finding(Markup("On the photos: {}.").format(note.removesuffix(".")))
    if sentences := caveats(run.record):
        yield Finding(Markup("{}").format(sentences), "warning" if seen_photos(run.record) else "plain")
    for kind in kinds.MODELS:
        for name, model in run.models(kind.name).items():
            if model.not_good_for:
                text = Markup("As it ships, {} is not good for {}.")
                yield Finding(text.format(name, model.not_good_for.removesuffix(".")))
    yield from _tiles(run)
    if run.record.pictures and (unlike := run.record.pictures.unlike_originals):
        text = Markup("{} an original of another size: nothing of their quality is measured.")
        yield Finding(text.format(plural(unlike, "picture has", "pictures have")), "warning")
    if run.record.status != "finished":
        text = Markup("This run is not finished (status: {}): figures may change.")
        yield Finding(text.format(run.record.status), "warning")
    yield from _unequal(run, dataset)
    if run.quality and not run.record.lpips_net:
        why = run.record.lpips_note or "no backbone was at hand"
        yield Finding(Markup("LPIPS is absent: {}.").format(why.removesuffix(".")), "warning")
    names = {metric.key: metric.name for metric in BUILT_IN}
    for key, why in run.record.metrics_left_out.items():
        text = Markup("{} is absent: {}.")
        yield Finding(text.format(names.get(key, key), why.removesuffix(".")), "warning")
    if run.failures:
        text = Markup('{}; what failed is in no mean. <a href="#failures">See which</a>.')
        yield Finding(text.format(plural(len(run.failures), "failure")), "warning")
    elif run.quality:
        yield Finding(Markup("Nothing failed."), "good")
