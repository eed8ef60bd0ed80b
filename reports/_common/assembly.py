"""Spliced against regenerated pictures: the table, the slopes, and what may be said of what detectors lose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate_at_5 import DETECTION_RATE_AT_5
from safebench.metrics.f1 import F1
from safebench.metrics.image_auc import IMAGE_AUC
from safebench.metrics.known_changed import KNOWN_CHANGED
from safebench.metrics.metric import Metric
from safebench.protocol import REGENERATED, SPLICED
from safebench.results.conditions import in_order
from safebench.results.robustness import WHOLE, Key, most_robust, paired_losses
from safebench.results.verdict import Verdict

from .cells import FACET_NAMES, Cell, Column, Row, Table, figure_cell, filtered, misled
from .charts import figures_of, legend, slice_names
from .compared import Compared
from .entries import POOLED, Pool, pooled_inpainters
from .robustness import LOST
from .runs import NO_POSTPROCESS, Record, Run
from .words import ALL_BINS, Figure, said

BOTH = (SPLICED, REGENERATED)
_COMPARED = (AUC, F1, IMAGE_AUC, DETECTION_RATE_AT_5)
_LOST = replace(LOST, meaning="Pixel AUC of spliced pictures, less that of the regenerated ones of the same samples.")
_CHANGED = replace(
    KNOWN_CHANGED,
    meaning="Share of the known pixels that differ from the photo's by more than 2 grey levels where regenerated: a "
    "detector may be right to flag them.",
)
_HEADS = ("run", "dataset", "inpainter", "detector", "postprocess")


@dataclass(frozen=True)
class _Entry:
    """A detector on the pictures of one inpainter, or of all together: its cells by assembly, what it loses, and the
    quality of the regenerated pictures."""

    run: Run
    cells: Mapping[str, Record]
    lost: Figure | None
    quality: Record

    @property
    def facets(self) -> dict[str, str]:
        """What it can be filtered by."""
        cell = self.cells[SPLICED]
        return {"run": self.run.label, **{key: str(cell[key]) for key in _HEADS[1:]}}


class _Pair:
    """The spliced and the regenerated pictures of one run."""

    def __init__(self, spliced: Run, whole: Run) -> None:
        self.runs = {SPLICED: spliced, REGENERATED: whole}
        both = set(pooled_inpainters(whole))
        common = [name for name in pooled_inpainters(spliced) if name in both]
        self.pools = {assembly: Pool(run, common) for assembly, run in self.runs.items()}
        before, after = (run.results.detection for run in self.runs.values())
        of_common = (rows["inpainter"].isin(common) for rows in (before, after))
        pooled, pooled_after = (rows[kept] for rows, kept in zip((before, after), of_common, strict=True))
        self.losses = paired_losses(before, after) | paired_losses(pooled, pooled_after, POOLED)

    def entries(self) -> Iterator[_Entry]:
        """The cells that both assemblies have, all bins together."""
        spliced, whole = ({_key(cell): cell for cell in self._cells(assembly)} for assembly in BOTH)
        run = self.runs[SPLICED]
        quality = [*self.pools[REGENERATED].quality, *self.runs[REGENERATED].quality]
        beside = {(row["dataset"], row["inpainter"]): row for row in quality if row["bin"] == ALL_BINS}
        conditions = in_order(postprocess for _, _, postprocess, _ in spliced)
        for key in sorted(spliced.keys() & whole.keys(), key=lambda key: self._place(key, conditions)):
            cells = {SPLICED: spliced[key], REGENERATED: whole[key]}
            yield _Entry(run, cells, self.losses.get(key), beside.get(key[:2], {}))

    def verdict(self, dataset: str) -> Verdict:
        """What may be said of what detectors lose, under the one condition that is spoken of."""
        run = self.runs[SPLICED]
        place = run.claims.place(dataset)
        compared = {cell["detector"] for cell in self.pools[REGENERATED].compared(place)}
        plain = [cell for cell in self.pools[SPLICED].compared(place) if cell["detector"] in compared]
        lost = {
            detector: {REGENERATED: loss}
            for (of, inpainter, postprocess, detector), loss in self.losses.items()
            if (of, inpainter, postprocess) == (dataset, POOLED, place[1])
        }
        return most_robust(run.claims, plain, lost, WHOLE)

    def _cells(self, assembly: str) -> list[Record]:
        cells = [*self.pools[assembly].cells, *self.runs[assembly].detection]
        return [cell for cell in cells if cell["bin"] == ALL_BINS]

    def _place(self, key: Key, conditions: Sequence[str]) -> tuple[Any, ...]:
        dataset, inpainter, postprocess, detector = key
        run = self.runs[SPLICED]
        of = (False, -1) if inpainter == POOLED else run.inpainter_place(inpainter)
        return of, dataset, conditions.index(postprocess), run.detector_place(detector)


def spliced_against_regenerated(runs: Sequence[Run]) -> Compared | None:
    """The detectors of each run on both; None where no run has both."""
    parts = [{part.assembly: part for part in run.of_each_assembly} for run in runs]
    pairs = [_Pair(held[SPLICED], held[REGENERATED]) for held in parts if held.keys() >= {*BOTH}]
    entries = [entry for pair in pairs for entry in pair.entries()]
    if not entries:
        return None
    places = dict.fromkeys((entry.run.label, entry.facets["dataset"]) for entry in entries)
    names = dict(zip(places, slice_names(places), strict=True))
    verdicts = [
        (names[label, dataset], said(verdict))
        for pair in pairs
        for label, dataset in places
        if label == pair.runs[SPLICED].label and (verdict := pair.verdict(dataset))
    ]
    return Compared(verdicts, _table(entries), _charts(entries))


def _key(cell: Record) -> Key:
    return cell["dataset"], cell["inpainter"], cell["postprocess"], cell["detector"]


def _table(entries: Sequence[_Entry]) -> Table:
    columns = [Column(head, FACET_NAMES[head]) for head in _HEADS]
    for metric in _COMPARED:
        named = [replace(metric, key=f"{metric.key}_{way}", name=f"{metric.name}, {way}") for way in BOTH]
        columns += [Column(m.key, m.label, m.meaning, m) for m in (*named, *_beside(metric))]
    columns.append(Column("n", "n", "Images that the means are taken over, of each assembly.", count=True))
    usual = {"inpainter": POOLED, "postprocess": NO_POSTPROCESS}
    return filtered(_HEADS, columns, [_row(entry) for entry in entries], **usual)


def _row(entry: _Entry) -> Row:
    names = [Cell(value, value) for value in entry.facets.values()]
    figures = []
    beside = {_LOST.key: _loss(entry), _CHANGED.key: entry.quality}
    for metric in _COMPARED:
        figures += [figure_cell(entry.cells[assembly], metric, {}) for assembly in BOTH]
        figures += [figure_cell(beside[m.key], m, {}) for m in _beside(metric)]
    counts = [f"{entry.cells[assembly]['n']:,}" for assembly in BOTH]
    count = Cell(" / ".join(dict.fromkeys(counts)), str(entry.cells[REGENERATED]["n"]))
    return Row([*names, *figures, count], entry.facets)


def _beside(metric: Metric) -> tuple[Metric, ...]:
    """What stands beside a metric of both: what a detector loses, and what may be the reason."""
    return (_LOST, _CHANGED) if metric == AUC else ()


def _loss(entry: _Entry) -> Record:
    ends = (_LOST.key, f"{_LOST.key}_low", f"{_LOST.key}_high")
    return dict(zip(ends, entry.lost, strict=True)) if entry.lost else {}


def _charts(entries: Sequence[_Entry]) -> dict[str, Any]:
    """One slope for each detector."""
    slices = {key: k for k, key in enumerate(dict.fromkeys(map(_slice, entries)))}
    cells = [
        {
            "slice": slices[_slice(entry)],
            "inpainter": entry.facets["inpainter"],
            "detector": entry.facets["detector"],
            "condition": assembly,
            "n": int(cell["n"]),
            "figures": figures_of(cell, _COMPARED),
            "misled": [metric.key for metric in _COMPARED if misled(cell, metric)],
        }
        for entry in entries
        for assembly, cell in entry.cells.items()
    ]
    slope = {
        "title": "",
        "what": "spliced against regenerated",
        "axis": "Assembly",
        "levels": [{"key": assembly, "label": assembly} for assembly in BOTH],
        "slope": True,
    }
    return {"cells": cells, "slices": slice_names(slices), "curves": [slope], "metrics": legend(_COMPARED)}


def _slice(entry: _Entry) -> tuple[str, str, str]:
    facets = entry.facets
    return facets["run"], facets["dataset"], facets["postprocess"]
