"""The first sentence: who did what to how many photos, before anything is said of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from markupsafe import Markup

from safebench.protocol import ORIGINAL
from safebench.results.traces import PIXEL, below_chance

from .._common.runs import Run
from .._common.words import bin_name, bin_place, listed, number, plural
from .controls import verdicts

_NAMED_AT_MOST = 4


def opening(run: Run, dataset: str) -> Markup:
    """What was run on what; "" where nothing came out of it."""
    made = pd.concat([part.results.quality for part in run.of_each_assembly])
    made = made[(made["dataset"] == dataset) & (made["error"] == "")]
    makers = [name for name in dict.fromkeys(made["inpainter"]) if not run.is_control(name)]
    if not makers:
        return Markup("")
    if run.record.pictures is not None:
        return _looked(run, dataset, makers, len(made))
    holes = plural(made["sample"].nunique(), "hole")
    photos = plural(made["photo"].nunique(), "photo")
    text = Markup("{} filled {} of {} in {} ({}){}.")
    of = _ordered(makers, run.models("inpainters"))
    detectors = _detectors(run, dataset)
    looked = Markup("; {} looked for them").format(_names(detectors, "detector")) if detectors else ""
    return text.format(_names(of, "inpainter"), holes, _bins(made["bin"]), photos, dataset, looked)


def found_on_few(run: Run, dataset: str) -> Markup:
    """Where there are too few photos to name anybody: the most that is found of each, in the run's order."""
    candidates = run.claims.evidence(run.claims.place(dataset))
    if not candidates or run.claims.enough(candidates[0].pixel):
        return Markup("")
    candidates.sort(key=lambda candidate: run.inpainter_place(candidate.inpainter))
    values = [candidate.pixel[PIXEL] for candidate in candidates]
    if len(candidates) > _NAMED_AT_MOST:
        text = Markup("What is found most of each lies between pixel AUC {} and {} (0.5 is chance).")
        return text.format(number(min(values)), number(max(values)))
    parts = []
    for candidate, value in zip(candidates, values, strict=True):
        inverted = ", inverted" if below_chance(candidate.pixel, PIXEL) else ""
        parts.append(f"{number(value)} of {candidate.inpainter} (by {candidate.pixel['detector']}{inverted})")
    return Markup("The most that is found, as pixel AUC: {}; 0.5 is chance.").format(listed(parts))


def care(run: Run, dataset: str) -> Markup:
    """Whether controls speak against the figures."""
    spoken = [verdict for verdict in verdicts(run) if verdict.dataset == dataset]
    broken = list(dict.fromkeys(verdict.detector for verdict in spoken if verdict.holds is False))
    text = Markup("Read {} with care: controls do not hold.")
    return text.format(_names(broken, "detector")) if broken else Markup("")


def _looked(run: Run, dataset: str, makers: Sequence[str], count: int) -> Markup:
    """The same of forged pictures that were given."""
    detectors = _detectors(run, dataset)
    originals = run.results.detection
    originals = originals[(originals["dataset"] == dataset) & (originals["inpainter"] == ORIGINAL)]
    beside = originals["sample"].nunique()
    text = Markup("{} looked at {} ({}) that {} made{}.") if detectors else Markup("{}{} ({}) by {}{}.")
    authentic = f", and at {plural(beside, 'authentic one')}" if beside else ""
    return text.format(
        _names(detectors, "detector"), plural(count, "forged picture"), dataset, _names(makers, "maker"), authentic
    )


def _detectors(run: Run, dataset: str) -> list[str]:
    seen = {row["detector"] for row in run.detection if row["dataset"] == dataset}
    return _ordered(seen, run.models("detectors"))


def _ordered(names: Iterable[str], order: Iterable[str]) -> list[str]:
    places = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: places.get(name, len(places)))


def _names(names: Sequence[str], what: str) -> Markup:
    """The names in bold; where there are many, how many."""
    if len(names) > _NAMED_AT_MOST:
        return Markup("{}").format(plural(len(names), what))
    return Markup("{}").format(listed([Markup("<strong>{}</strong>").format(name) for name in names]))


def _bins(bins: Iterable[str]) -> str:
    """`20–30% and 40–50%`; of many the first and the last."""
    names = [bin_name(name) for name in sorted({*bins}, key=lambda name: (bin_place(name), name))]
    return listed(names) if len(names) <= _NAMED_AT_MOST else f"{names[0]} to {names[-1]}"
