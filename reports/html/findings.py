"""What the tables say, in plain sentences; every figure is a cell of a table on the same page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from safebench.metrics.lpips import LPIPS
from safebench.metrics.psnr import PSNR_HOLE
from safebench.results.claims import Evidence
from safebench.results.traces import IMAGE, PIXEL, trace
from safebench.results.verdict import Name, evidence, least_detectable

from .._common.ranking import qualities
from .._common.runs import Run
from .._common.words import Figure, figure, listed, plural, said, told
from .opening import care, found_on_few, opening
from .remarks import Finding, remarks

_HOW_CLOSE = {PSNR_HOLE: "inside the hole, by PSNR-hole", LPIPS: "to the eye, by LPIPS"}
"""The metrics of quality that the findings name, and what each tells."""


@dataclass(frozen=True)
class Findings:
    """What one run says of one data set: what was run, then the answer."""

    dataset: str
    opening: Markup
    lead: Markup
    points: list[Finding]


def findings(run: Run) -> list[Findings]:
    """The findings of a run, for each of its data sets."""
    datasets = list(dict.fromkeys(row["dataset"] for row in [*run.detection, *run.quality])) or [""]
    return [
        Findings(
            dataset, opening(run, dataset), _lead(run, dataset), [*_comparisons(run, dataset), *remarks(run, dataset)]
        )
        for dataset in datasets
    ]


def _lead(run: Run, dataset: str) -> Markup:
    """The verdict on the inpainters, and at which quality the one that it names comes."""
    verdict = least_detectable(run.claims, dataset)
    compared = {candidate.inpainter for candidate in run.claims.evidence(run.claims.place(dataset))}
    named = [part for part in verdict[0].parts if isinstance(part, Name) and part in compared]
    quality = _at_quality(run, dataset, named[0]) if len(named) == 1 else Markup("")
    sentences = (found_on_few(run, dataset), said(verdict), quality, care(run, dataset))
    return Markup(" ").join(filter(None, sentences))


def _at_quality(run: Run, dataset: str, inpainter: str) -> Markup:
    row = next((row for row in qualities(run, dataset) if row["inpainter"] == inpainter), {})
    parts = [
        f"{metric.name} {told(value, metric.digits, metric.unit)}"
        for metric in _HOW_CLOSE
        if (value := figure(row, metric.key)) and not math.isnan(value.value)
    ]
    return Markup("Quality of {}: {}.").format(inpainter, listed(parts)) if parts else Markup("")


def _comparisons(run: Run, dataset: str) -> Iterator[Finding]:
    place = run.claims.place(dataset)
    ranked = run.claims.evidence(place)
    if ranked and not run.claims.enough(ranked[0].pixel):
        yield _seen(run, ranked)
        return
    if len(ranked) > 1:
        yield _most_found(run, ranked)
    if closest := list(_closest(run, dataset)):
        yield Finding(Markup("Closest to the original {}.").format(Markup("; ").join(closest)))
    if ranked and len(run.claims.panel(place)) > 1:
        wins = Counter(candidate.pixel["detector"] for candidate in ranked).most_common()
        parts = [Markup("<strong>{}</strong> for {}").format(name, count) for name, count in wins]
        text = Markup("By pixel AUC the strongest detector is {} of {}.")
        yield Finding(text.format(listed(parts), plural(len(ranked), "ranked inpainter")))


def _seen(run: Run, ranked: list[Evidence]) -> Finding:
    """What too few photos show, in the run's order and without a verdict."""
    ordered = sorted(ranked, key=lambda candidate: run.inpainter_place(candidate.inpainter))
    parts = [
        f"{candidate.inpainter}: {listed(filter(None, (evidence(candidate, PIXEL), evidence(candidate, IMAGE))))}"
        for candidate in ordered
    ]
    text = Markup("What is found most on these photos, in the run's order: {}.")
    return Finding(text.format("; ".join(parts)))


def _most_found(run: Run, ranked: list[Evidence]) -> Finding:
    """Who is found most readily; by pixels and by whole images where the two name different ones."""
    by_pixel = ranked[-1]
    known = [candidate for candidate in ranked if candidate.image]
    by_image = max(known, key=lambda candidate: trace(candidate.image or {}, IMAGE), default=by_pixel)
    most = trace(by_image.image, IMAGE) if by_image.image else math.nan
    if by_pixel.image is None or trace(by_pixel.image, IMAGE) == most:
        figures = listed(filter(None, (evidence(by_pixel, PIXEL), evidence(by_pixel, IMAGE))))
        settled = run.claims.order(ranked[-2], by_pixel).settled
        aside = "" if settled else f" (not settled against {ranked[-2].inpainter})"
        return Finding(
            Markup("Most readily found: <strong>{}</strong>, {}{}.").format(by_pixel.inpainter, figures, aside)
        )
    text = Markup("Most readily found: by pixels <strong>{}</strong>, {}; by whole images <strong>{}</strong>, {}.")
    return Finding(
        text.format(by_pixel.inpainter, evidence(by_pixel, PIXEL), by_image.inpainter, evidence(by_image, IMAGE))
    )


def _closest(run: Run, dataset: str) -> Iterator[Markup]:
    """The best inpainter by each metric that the findings name, and whether the next one is really behind it."""
    rows = [row for row in qualities(run, dataset) if run.claims.ranked(row)]
    for metric, how in _HOW_CLOSE.items():
        known = [row for row in rows if not math.isnan(row.get(metric.key, math.nan))]
        if len(known) > 1:
            sign = 1 if metric.better == "low" else -1
            best, second, *_ = sorted(known, key=lambda row: sign * row[metric.key])
            value = told(figure(best, metric.key) or Figure(math.nan), metric.digits, metric.unit)
            text = Markup("{}: <strong>{}</strong>, {}").format(how, best["inpainter"], value)
            settled = run.claims.quality_order(best, second, metric.column).settled
            yield text if settled else text + Markup(" (not settled against {})").format(second["inpainter"])
