"""What the tables say, in plain sentences; every figure is a cell of a table on the same page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from safebench.metrics.auc import CHANCE
from safebench.metrics.lpips import LPIPS
from safebench.metrics.psnr import PSNR_HOLE

from .._common.ranking import auc, paired, qualities, strongest
from .._common.runs import Record, Run
from .._common.words import Figure, figure, interval, listed, number, plural, told
from .remarks import Finding, remarks

_INVERTED = " (inverted: it points at the background)"
_HOW_CLOSE = {PSNR_HOLE: "inside the hole, by PSNR-hole", LPIPS: "to the eye, by LPIPS"}
"""The metrics of quality that the findings name, and what each tells."""


@dataclass(frozen=True)
class Findings:
    """What one run says of one data set: the answer first."""

    dataset: str
    lead: Markup
    points: list[Finding]


def findings(run: Run) -> list[Findings]:
    """The findings of a run, for each of its data sets."""
    datasets = list(dict.fromkeys(row["dataset"] for row in [*run.detection, *run.quality])) or [""]
    return [
        Findings(dataset, _lead(run, dataset), [*_comparisons(run, dataset), *remarks(run, dataset)])
        for dataset in datasets
    ]


def _lead(run: Run, dataset: str) -> Markup:
    """The least detectable inpainter, and whether the next one is really behind it."""
    ranked = strongest(run, dataset)
    if not ranked:
        return _no_ranking(run)
    first = ranked[0]
    found = auc(first)
    text = Markup("{}: <strong>{}</strong>. Its strongest detector, {}, reaches a pixel AUC of ").format(
        "Least detectable" if len(ranked) > 1 else "One inpainter ranked", first["inpainter"], first["detector"]
    )
    text += Markup("<strong>{}</strong> {}{} over {}{}.").format(
        number(found.value),
        interval(found),
        _INVERTED if first["inverted"] else ", no better than chance," if found.low <= CHANCE <= found.high else "",
        plural(int(first["n"]), "image"),
        _at_quality(run, dataset, first["inpainter"]),
    )
    return text + _next(run, first, ranked[1]) if len(ranked) > 1 else text


def _no_ranking(run: Run) -> Markup:
    if not run.quality and not run.detection:
        return Markup("This run holds no figures.")
    if not run.detection:
        return Markup("No detector looked at these composites: this run measures quality alone.")
    return Markup("No inpainter can be ranked: every image failed, or no detector points at the holes.")


def _next(run: Run, first: Record, second: Record) -> Markup:
    """The runner-up, and whether the order is more than chance: paired where one detector is the strongest for both."""
    text = Markup(" Next is <strong>{}</strong> with {} by {}{}").format(
        second["inpainter"], told(auc(second)), second["detector"], _INVERTED if second["inverted"] else "; "
    )
    if first["inverted"] or second["inverted"]:
        return text.removesuffix("; ") + Markup(".")
    if first["detector"] == second["detector"]:
        difference, p = paired(run, first, second)
        settled = difference.low > 0 or difference.high < 0
        text += Markup("on the same images it is found better by {} (p = {})").format(told(difference), f"{p:.2g}")
    else:
        settled = auc(first).high < auc(second).low
        text += Markup("the intervals do not overlap") if settled else Markup("the intervals overlap")
    return text + (Markup(".") if settled else Markup(", so their order is not settled here."))


def _at_quality(run: Run, dataset: str, inpainter: str) -> Markup:
    row = next((row for row in qualities(run, dataset) if row["inpainter"] == inpainter), {})
    parts = [
        f"{metric.name} {told(found, metric.digits, metric.unit)}"
        for metric in _HOW_CLOSE
        if (found := figure(row, metric.key)) and not math.isnan(found.value)
    ]
    return Markup(", at {}").format(listed(parts)) if parts else Markup("")


def _comparisons(run: Run, dataset: str) -> Iterator[Finding]:
    ranked = strongest(run, dataset)
    if len(ranked) > 1:
        last = ranked[-1]
        yield Finding(
            Markup("Most readily found: <strong>{}</strong>, pixel AUC {} by {}.").format(
                last["inpainter"], told(auc(last)), last["detector"]
            )
        )
    closest = list(_closest(run, dataset))
    if closest:
        yield Finding(Markup("Closest to the original {}.").format(Markup("; ").join(closest)))
    if ranked and len(run.models("detectors")) > 1:
        wins = Counter(row["detector"] for row in ranked).most_common()
        parts = [Markup("<strong>{}</strong> for {}").format(name, count) for name, count in wins]
        yield Finding(
            Markup("The strongest detector is {} of {}.").format(listed(parts), plural(len(ranked), "inpainter"))
        )


def _closest(run: Run, dataset: str) -> Iterator[Markup]:
    """The best inpainter by each metric that the findings name, where there are several to compare."""
    rows = [row for row in qualities(run, dataset) if run.competes(row)]
    for metric, how in _HOW_CLOSE.items():
        found = {row["inpainter"]: figure(row, metric.key) or Figure(math.nan) for row in rows}
        known = {name: value for name, value in found.items() if not math.isnan(value.value)}
        if len(known) > 1:
            sign = 1 if metric.better == "low" else -1
            best = min(known, key=lambda name: sign * known[name].value)
            yield Markup("{}: <strong>{}</strong>, {}").format(how, best, told(known[best], metric.digits, metric.unit))
