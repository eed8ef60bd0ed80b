"""Who stands where: inpainters ranked by how little is found, detectors by how much they find.

A standing is one ranked list, for one data set, bin, post-process and choice of opponent.  The lists of all choices
make one table, which a page filters and a paper takes its part of.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from safebench.metrics.auc import AUC
from safebench.metrics.metric import Metric, View
from safebench.protocol import ORIGINAL
from safebench.results import tables
from safebench.results.claims import MIN_PHOTOS, PIXEL, Place, strongest, trace
from safebench.results.robustness import Key, losses, most_robust
from safebench.results.tables import ALL_BINS
from safebench.results.verdict import Verdict, finds_most, least_detectable
from safebench.runs.record import ModelRecord

from .cells import Cell, Column, Row, Table, figure_cell, misled, places, values_of
from .runs import NO_POSTPROCESS, Record, Run, detection_metrics, false_alarm_metrics, quality_metrics, records
from .words import MISSING, Figure, bin_name, bin_place, figure

Choice = tuple[str, str, str, str]
"""Data set, opponent, bin, post-process."""
TOO_FEW = "too few photos"
STRONGEST = "strongest for each"
"""The opponent of an inpainter that is asked for first: whichever detector finds it best."""
POOLED = "all together"
"""The opponent of a detector that is asked for first: the images of all inpainters, as one."""
OPPONENT: dict[View, str] = {"inpainter": "detector", "detector": "inpainter"}
FACETS: dict[View, tuple[str, ...]] = {
    view: ("dataset", opponent, "bin", "postprocess", "licence") for view, opponent in OPPONENT.items()
}
_UNPOOLED = ("key", "sample_key", "inpainter_id", "detector_id", "map", "confidence", "error_step")
"""Columns of the stored rows that no mean needs: long texts, a million times over."""


@dataclass(frozen=True)
class _Entry:
    """One row to be: whom it is about, under which choice, and the records that hold its figures."""

    name: str
    choice: Choice
    found: Record
    beside: Record
    competes: bool
    note: str = ""


class Standings:
    """The ranked lists of one group of like runs."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.detection = detection_metrics([run])
        self.quality = quality_metrics([run])
        self.false_alarms = false_alarm_metrics([run])

    @cached_property
    def inpainters(self) -> Table:
        """Before the strongest detector, and before each; the quality of the same composites beside it."""
        metrics = [*self.detection, *self.quality]
        return self._table("inpainter", metrics)

    @cached_property
    def detectors(self) -> Table:
        """Over the images of all inpainters, and of each; what they say of untouched photos beside it."""
        return self._table("detector", [*self.detection, *self.false_alarms])

    def table(self, view: View) -> Table:
        """The table of one view."""
        return self.inpainters if view == "inpainter" else self.detectors

    def verdict(self, view: View, dataset: str) -> Verdict:
        """What may be said of who leads, all bins together."""
        claims = self.run.claims
        if view == "inpainter":
            return least_detectable(claims, dataset)
        place = claims.place(dataset)
        cells = [row for row in self.pooled if (row["dataset"], row["postprocess"], row["bin"]) == place]
        return finds_most(claims, [row for row in cells if not self._pooled_gap(row)])

    @cached_property
    def losses(self) -> dict[Key, Figure]:
        """What each post-processing costs each detector, over the images of the pooled inpainters together."""
        rows = self.run.results.detection
        return losses(rows[rows["inpainter"].isin(self.pooled_inpainters)], POOLED)

    def robustness(self, dataset: str) -> Verdict:
        """What may be said of what post-processing costs the detectors, all bins together."""
        rows = [row for row in self.pooled if row["dataset"] == dataset and row["bin"] == ALL_BINS]
        behind = {row["detector"] for row in rows if self._pooled_gap(row)}
        plain = [row for row in rows if row["postprocess"] == NO_POSTPROCESS and row["detector"] not in behind]
        lost: dict[str, dict[str, Figure]] = {}
        for (of, _, postprocess, detector), found in self.losses.items():
            if of == dataset:
                lost.setdefault(detector, {})[postprocess] = found
        return most_robust(self.run.claims, plain, lost)

    def frame(self, view: View) -> pd.DataFrame:
        """The same rows as data: under which choice (`list`: the opponent asked for), rank, figures with their ends.

        rank is missing where a row takes none, and no_rank says what it lacks; a figure that the row's model has none
        of is NaN.
        """
        metrics = [column.metric for column in self.table(view).columns if column.metric]
        beside = [*self.quality, *self.false_alarms]
        entries = self._entries(view)
        rows = []
        for entry, rank in zip(entries, _ranks(view, entries), strict=True):
            told = {**self._told(view, entry, rank), "no_rank": entry.note}
            for m in metrics:
                found = figure(entry.beside if m in beside else entry.found, m.key) or Figure(math.nan)
                told |= {m.key: found.value, f"{m.key}_low": found.low, f"{m.key}_high": found.high}
            rows.append(told)
        frame = pd.DataFrame(rows)
        return frame.astype({"rank": "Int64"}) if rows else frame

    def _told(self, view: View, entry: _Entry, rank: int) -> dict[str, Any]:
        dataset, opponent, hole_bin, postprocess = entry.choice
        model = self.run.models(f"{view}s").get(entry.name)
        counted = entry.found or entry.beside
        return {
            "dataset": dataset,
            "bin": hole_bin,
            "postprocess": postprocess,
            "list": opponent,
            "rank": rank or None,
            view: entry.name,
            OPPONENT[view]: str(entry.found.get(OPPONENT[view], MISSING)),
            "control": view == "inpainter" and self.run.is_control(entry.name),
            "inverted": bool(entry.found.get("inverted")),
            "licence": licence(model),
            "weights_origin": model.weights_origin if model else "",
            "n": int(counted["n"]),
            "failures": int(counted["failures"]),
        }

    def _entries(self, view: View) -> list[_Entry]:
        return self._inpainter_entries if view == "inpainter" else self._detector_entries

    @cached_property
    def _inpainter_entries(self) -> list[_Entry]:
        return list(self._of_inpainters())

    @cached_property
    def _detector_entries(self) -> list[_Entry]:
        return list(self._of_detectors())

    @cached_property
    def detector_names(self) -> list[str]:
        """The detectors that have rows, in the order of the run."""
        return sorted({row["detector"] for row in self.run.detection}, key=self.run.detector_place)

    @cached_property
    def pooled_inpainters(self) -> list[str]:
        """The inpainters whose images are pooled: no controls, and only those that every detector saw in full."""
        places: dict[str, set[Place]] = {}
        for row in self.run.detection:
            if row["bin"] == ALL_BINS and not self.run.is_control(row["inpainter"]):
                places.setdefault(row["inpainter"], set()).add((row["dataset"], row["postprocess"], ALL_BINS))
        claims = self.run.claims
        return [name for name, met in places.items() if not any(claims.gap(place, name) for place in met)]

    @cached_property
    def pooled(self) -> list[Record]:
        """The cells of each detector over the images of the pooled inpainters together."""
        features = self.run.results.features
        unneeded = [] if features else [*_UNPOOLED, "run"]
        rows = self.run.results.detection.drop(columns=unneeded, errors="ignore")
        kept = rows[rows["inpainter"].isin([*self.pooled_inpainters, ORIGINAL])]
        named = kept["inpainter"].where(kept["inpainter"] == ORIGINAL, POOLED)
        if not self.pooled_inpainters:
            return []
        return records(tables.detection_cells(kept.assign(inpainter=named), self.run.results.metrics, features))

    def _of_inpainters(self) -> Iterator[_Entry]:
        run, claims = self.run, self.run.claims
        quality = {(row["dataset"], row["inpainter"], row["bin"]): row for row in run.quality}
        met: dict[tuple[str, ...], list[Record]] = {}
        for row in run.detection:
            met.setdefault((row["dataset"], row["bin"], row["postprocess"], row["inpainter"]), []).append(row)
        for (dataset, hole_bin, postprocess, name), rows in met.items():
            beside = quality.get((dataset, name, hole_bin), {})
            place = (dataset, postprocess, hole_bin)
            panel = [row for row in rows if row["detector"] in claims.panel(place)]
            if best := strongest(panel or rows, PIXEL):
                gap = "" if run.is_control(name) else claims.gap(place, name)
                choice = (dataset, STRONGEST, hole_bin, postprocess)
                yield self._entry(name, choice, best, beside, claims.ranked(best), gap)
            for row in rows:
                choice = (dataset, row["detector"], hole_bin, postprocess)
                yield self._entry(name, choice, row, beside, claims.ranked(row), claims.shortfall(row))
        if not run.detection:
            for (dataset, name, hole_bin), row in quality.items():
                choice = (dataset, MISSING, hole_bin, MISSING)
                yield self._entry(name, choice, {}, row, claims.ranked(row), claims.shortfall(row))

    def _entry(self, name: str, choice: Choice, found: Record, beside: Record, ranked: bool, gap: str) -> _Entry:
        """An entry that competes where nothing keeps it from it, with what does."""
        few = not self.run.is_control(name) and not self.run.claims.enough(found or beside)
        return _Entry(name, choice, found, beside, ranked and not gap, gap or (TOO_FEW if few else ""))

    def _of_detectors(self) -> Iterator[_Entry]:
        claims = self.run.claims
        alarms = {(row["dataset"], row["postprocess"], row["detector"]): row for row in self.run.false_alarms}
        for row in [*self.pooled, *self.run.detection]:
            beside = alarms.get((row["dataset"], row["postprocess"], row["detector"]), {})
            gap = self._pooled_gap(row) if row["inpainter"] == POOLED else claims.detector_gap(row)
            choice = (row["dataset"], row["inpainter"], row["bin"], row["postprocess"])
            yield self._entry(row["detector"], choice, row, beside, claims.enough(row), gap)

    def _pooled_gap(self, row: Record) -> str:
        """What keeps a detector from being compared over the pooled images: another saw more of them."""
        keys = ("dataset", "postprocess", "bin")
        most = max(int(other["n"]) for other in self.pooled if all(other[key] == row[key] for key in keys))
        return f"saw {row['n']:,} of {most:,} images" if row["n"] < most else self.run.claims.originals_gap(row)

    def _table(self, view: View, metrics: Sequence[Metric]) -> Table:
        entries = self._entries(view)
        beside = [*self.quality, *self.false_alarms]
        marks = {m.key: _marks(view, entries, m, m in beside) for m in metrics}
        ranks = _ranks(view, entries)
        rows = []
        for k, entry in enumerate(entries):
            figures = [
                figure_cell(entry.beside if m in beside else entry.found, m, {view: marks[m.key][k]}) for m in metrics
            ]
            rows.append(self._row(view, entry, ranks[k], figures))
        place = {name: k for k, name in enumerate((STRONGEST, POOLED))}
        rows.sort(key=lambda row: (place.get(row.facets[OPPONENT[view]], 9), _number(row.cells[0].order)))
        facets = {key: values_of(rows, key) for key in FACETS[view]}
        columns = [Column("rank", "Rank", _RANKED[view], count=True), Column(view, view.capitalize())]
        columns += [Column("opponent", OPPONENT[view].capitalize())]
        columns += [Column(m.key, m.label, m.meaning, m, shown="leaderboard" in m.shown) for m in metrics]
        failed = any((entry.found or entry.beside)["failures"] for entry in entries)
        columns += [
            Column("n", "n", "Images that the means are taken over.", count=True),
            Column("failures", "Failures", "Images that failed and are in no mean.", count=True, shown=failed),
            Column("licence", "Licence", _LICENCE, small=True),
            Column("origin", "Weights", _ORIGIN, small=True, shown=any(row.cells[-1].text for row in rows)),
        ]
        return Table(columns, rows, facets)

    def _row(self, view: View, entry: _Entry, rank: int, figures: list[Cell]) -> Row:
        told = self._told(view, entry, rank)
        names = [Cell(told[key], told[key]) for key in (view, OPPONENT[view])]
        counts = [Cell(f"{told[key]:,}", str(told[key])) for key in ("n", "failures")]
        asides = [Cell(told[key], told[key]) for key in ("licence", "weights_origin")]
        place = Cell(str(rank) if rank else MISSING, str(rank) if rank else "", note=entry.note)
        facets = {key: told["list" if key == OPPONENT[view] else key] for key in (view, *FACETS[view])}
        return Row([place, *names, *figures, *counts, *asides], facets, told["control"])


_RANKED: dict[View, str] = {
    "inpainter": "By pixel AUC, nearest to chance (0.5) first. Controls, and who did not meet all detectors or all "
    f"samples, or failed on some, are not ranked; with fewer than {MIN_PHOTOS} photos nobody is.",
    "detector": "By pixel AUC, highest first. A detector that points at the background (inverted), or failed on some "
    f"images, is not ranked; with fewer than {MIN_PHOTOS} photos none is.",
}
_LICENCE = "Of the weights where there are any, since it binds more than the code's; else of the code."
_ORIGIN = "Whether the weights came with SafeBench, are the published ones, or the user's own."


def licence(model: ModelRecord | None) -> str:
    """Under which terms a model stands, by its card."""
    return (model.licence.weights or model.licence.code if model else "") or "not stated"


def part(table: Table, **facets: str) -> list[Row]:
    """The rows of one choice, best first."""
    return [row for row in table.rows if all(row.facets.get(key) == value for key, value in facets.items())]


def bins(table: Table) -> list[tuple[str, str]]:
    """The bins of a table, all together first, and their names."""
    return [(key, bin_name(key)) for key in sorted({row.facets["bin"] for row in table.rows}, key=bin_place)]


def _ranks(view: View, entries: Sequence[_Entry]) -> list[int]:
    """Each entry's rank in its list; 0 where it is not ranked."""
    merits = [_merit(view, entry) for entry in entries]
    lists: dict[Hashable, list[float]] = {}
    for entry, merit in zip(entries, merits, strict=True):
        if merit is not None:
            lists.setdefault(entry.choice, []).append(merit)
    return [
        0 if merit is None else 1 + sum(other > merit for other in lists[entry.choice])
        for entry, merit in zip(entries, merits, strict=True)
    ]


def _merit(view: View, entry: _Entry) -> float | None:
    """What an entry is ranked by, more is better; None where it takes no rank."""
    value = entry.found.get(AUC.key, math.nan)
    if not entry.competes or math.isnan(value):
        return None
    if view == "inpainter":
        return -trace(entry.found, PIXEL)
    return None if entry.found["inverted"] else float(value)


def _marks(view: View, entries: Sequence[_Entry], metric: Metric, beside: bool) -> list[int]:
    """Who is best (1) and second (2) in each list, by one metric."""
    better = metric.better_for(view)
    if not better:
        return [0] * len(entries)
    values: list[float | None] = []
    for entry in entries:
        record = entry.beside if beside else entry.found
        found = figure(record, metric.key)
        if found is None or math.isnan(found.value) or not entry.competes or (not beside and misled(record, metric)):
            values.append(None)
        elif view == "inpainter" and metric.chance is not None:
            values.append(metric.trace(found.value))
        else:
            values.append(found.value)
    return places(values, [entry.choice for entry in entries], better == "low")


def _number(order: str) -> float:
    return float(order) if order else math.inf
