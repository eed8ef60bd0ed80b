"""Who stands where: inpainters ranked by how little is found, detectors by how much they find.

A standing is one ranked list, for one data set, bin, post-process, assembly and choice of opponent.  The lists of all
choices make one table, which a page filters and a paper takes its part of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import pandas as pd

from safebench.metrics.metric import Metric, View
from safebench.results.claims import MIN_PHOTOS
from safebench.results.verdict import Verdict, finds_most, least_detectable
from safebench.runs.record import ModelRecord

from .cells import COUNTED, FAILED, Cell, Column, Row, Table, figure_cell, values_of
from .entries import OPPONENT, POOLED, STRONGEST, Entry, Pool, of_detectors, of_inpainters
from .ranks import marks, ranks
from .runs import Run, detection_metrics, false_alarm_metrics, quality_metrics
from .words import MISSING, Figure, bin_name, bin_place, figure

FACETS: dict[View, tuple[str, ...]] = {
    view: ("dataset", opponent, "bin", "postprocess", "assembly", "licence") for view, opponent in OPPONENT.items()
}


class Standings:
    """The ranked lists of one group of like runs, of each assembly by itself; verdicts are of the first one."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.pools = [Pool(part) for part in run.of_each_assembly]
        self.detection = detection_metrics(run.of_each_assembly)
        self.quality = quality_metrics(run.of_each_assembly)
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

    @property
    def pooled_inpainters(self) -> list[str]:
        """The inpainters over whose images together detectors are compared."""
        return self.pools[0].inpainters

    def verdict(self, view: View, dataset: str) -> Verdict:
        """What may be said of who leads, all bins together."""
        claims = self.run.claims
        if view == "inpainter":
            return least_detectable(claims, dataset)
        place = claims.place(dataset)
        pool = self.pools[0]
        cells = [row for row in pool.cells if (row["dataset"], row["postprocess"], row["bin"]) == place]
        return finds_most(claims, [row for row in cells if not pool.gap(row)])

    def frame(self, view: View) -> pd.DataFrame:
        """The same rows as data: under which choice (`list`: the opponent asked for), rank, figures with their ends.

        rank is missing where a row takes none, and no_rank says what it lacks; a figure that the row's model has none
        of is NaN.
        """
        metrics = [column.metric for column in self.table(view).columns if column.metric]
        beside = [*self.quality, *self.false_alarms]
        entries = self._entries(view)
        rows = []
        for entry, rank in zip(entries, ranks(view, entries), strict=True):
            record = {**self._told(view, entry, rank), "no_rank": entry.note}
            for m in metrics:
                value = figure(entry.beside if m in beside else entry.figures, m.key) or Figure(math.nan)
                record |= {m.key: value.value, f"{m.key}_low": value.low, f"{m.key}_high": value.high}
            rows.append(record)
        frame = pd.DataFrame(rows)
        return frame.astype({"rank": "Int64"}) if rows else frame

    def _told(self, view: View, entry: Entry, rank: int) -> dict[str, Any]:
        choice = entry.choice
        model = self.run.models(f"{view}s").get(entry.name)
        counted = entry.figures or entry.beside
        return {
            "dataset": choice.dataset,
            "bin": choice.bin,
            "postprocess": choice.postprocess,
            "assembly": choice.assembly,
            "list": choice.opponent,
            "rank": rank or None,
            view: entry.name,
            OPPONENT[view]: str(entry.figures.get(OPPONENT[view], MISSING)),
            "control": view == "inpainter" and self.run.is_control(entry.name),
            "inverted": bool(entry.figures.get("inverted")),
            "licence": licence(model),
            "weights_origin": model.weights_origin if model else "",
            "n": int(counted["n"]),
            "failures": int(counted["failures"]),
        }

    def _entries(self, view: View) -> list[Entry]:
        return self._inpainter_entries if view == "inpainter" else self._detector_entries

    @cached_property
    def _inpainter_entries(self) -> list[Entry]:
        return [entry for part in self.run.of_each_assembly for entry in of_inpainters(part)]

    @cached_property
    def _detector_entries(self) -> list[Entry]:
        return [entry for pool in self.pools for entry in of_detectors(pool)]

    def _table(self, view: View, metrics: Sequence[Metric]) -> Table:
        entries = self._entries(view)
        beside = [*self.quality, *self.false_alarms]
        marked = {m.key: marks(view, entries, m, m in beside) for m in metrics}
        ranked = ranks(view, entries)
        rows = []
        for k, entry in enumerate(entries):
            figures = [
                figure_cell(entry.beside if m in beside else entry.figures, m, {view: marked[m.key][k]})
                for m in metrics
            ]
            rows.append(self._row(view, entry, ranked[k], figures))
        place = {name: k for k, name in enumerate((STRONGEST, POOLED))}
        rows.sort(key=lambda row: (place.get(row.facets[OPPONENT[view]], 9), _number(row.cells[0].order)))
        facets = {key: values_of(rows, key) for key in FACETS[view]}
        columns = [Column("rank", "Rank", _RANKED[view], count=True), Column(view, view.capitalize())]
        columns += [Column("opponent", OPPONENT[view].capitalize())]
        columns += [Column(m.key, m.label, m.meaning, m, shown="leaderboard" in m.shown) for m in metrics]
        failed = any((entry.figures or entry.beside)["failures"] for entry in entries)
        columns += [
            COUNTED,
            replace(FAILED, shown=failed),
            Column("licence", "Licence", _LICENCE, small=True),
            Column("origin", "Weights", _ORIGIN, small=True, shown=any(row.cells[-1].text for row in rows)),
        ]
        return Table(columns, rows, facets)

    def _row(self, view: View, entry: Entry, rank: int, figures: list[Cell]) -> Row:
        record = self._told(view, entry, rank)
        names = [Cell(record[key], record[key]) for key in (view, OPPONENT[view])]
        counts = [Cell(f"{record[key]:,}", str(record[key])) for key in ("n", "failures")]
        asides = [Cell(record[key], record[key]) for key in ("licence", "weights_origin")]
        place = Cell(str(rank) if rank else MISSING, str(rank) if rank else "", note=entry.note)
        facets = {key: record["list" if key == OPPONENT[view] else key] for key in (view, *FACETS[view])}
        return Row([place, *names, *figures, *counts, *asides], facets, record["control"])


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


def _number(order: str) -> float:
    return float(order) if order else math.inf
