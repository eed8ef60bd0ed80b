"""Ranked lists as tables for a paper, the same in every form of text: heads, rows, who is best and second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from safebench.keys import slug
from safebench.metrics.metric import View
from safebench.protocol import SPLICED
from safebench.results.claims import MIN_PHOTOS
from safebench.results.comparing import Group
from safebench.runs.provenance import caveats

from .cells import Cell, Column, Row
from .entries import OPPONENT, POOLED, STRONGEST, TOO_FEW
from .runs import NO_POSTPROCESS, Run
from .standings import Standings, bins, part
from .words import MISSING, listed

FIRST: dict[View, str] = {"inpainter": STRONGEST, "detector": POOLED}


@dataclass(frozen=True)
class PaperTable:
    """One ranked list: a caption, a name for files and labels, columns, and rows of cells."""

    name: str
    caption: str
    view: View
    columns: list[Column]
    rows: list[list[Cell]]

    def arrow(self, column: Column) -> str:
        """`low`, `high` or "": which way the column's figures are better."""
        return column.metric.better_for(self.view) if column.metric else ""


def paper_tables(tables: Sequence[tuple[Group, Run]], standings: Sequence[Standings] | None = None) -> list[PaperTable]:
    """Each ranked list as a table: for each data set, post-process, assembly and bin, inpainters and detectors.

    First come those of the strongest detector and of all inpainters together, then those of one opponent each.
    """
    all_standings = standings or [Standings(run) for _, run in tables]
    held = [(like, view, standing) for (like, _), standing in zip(tables, all_standings, strict=True) for view in FIRST]
    lists = [(*part, opponent) for part in held for opponent, _ in part[2].table(part[1]).facets[OPPONENT[part[1]]]]
    lists.sort(key=lambda part: part[3] != FIRST[part[1]])
    return [table for part in lists for table in _of_list(*part)]


def _of_list(like: Group, view: View, standings: Standings, opponent: str) -> Iterator[PaperTable]:
    table, run = standings.table(view), standings.run
    kept = [k for k, column in enumerate(table.columns) if column.shown and column.key not in _LEFT_OUT]
    whom = "" if opponent in (FIRST[view], MISSING) else f"-{'against' if view == 'inpainter' else 'on'}-{opponent}"
    conditions = product(*(table.facets[key] for key in ("dataset", "postprocess", "assembly")), bins(table))
    for (dataset, _), (postprocess, _), (assembly, _), (hole_bin, bin_label) in conditions:
        choice = {"dataset": dataset, "postprocess": postprocess, "assembly": assembly, "bin": hole_bin}
        if rows := part(table, **choice, **{OPPONENT[view]: opponent}):
            what = f"{dataset}, {bin_label}{_of(assembly)}{_after(postprocess)}"
            how = "" if assembly == SPLICED else f"-{assembly}"
            yield PaperTable(
                name="-".join((slug(run.label), f"{view}s", dataset, postprocess, hole_bin)).lower() + how + whom,
                caption=f"{_caption(like, view, opponent, what, rows)} {caveats(run.record)}".rstrip(),
                view=view,
                columns=[table.columns[k] for k in kept],
                rows=[[row.cells[k] for k in kept] for row in rows],
            )


_LEFT_OUT = ("rank", "failures", "licence", "origin")
"""Columns of a page that a table in print has no room for."""


def _of(assembly: str) -> str:
    return "" if assembly == SPLICED else f", {assembly} pictures"


def _after(postprocess: str) -> str:
    return "" if postprocess in (NO_POSTPROCESS, MISSING) else f", after {postprocess}"


def _caption(like: Group, view: View, opponent: str, what: str, rows: list[Row]) -> str:
    whom = {
        STRONGEST: "Inpainters, each against the detector that finds it best",
        POOLED: "Detectors, over the images of all ranked inpainters together",
        MISSING: "Inpainters",
    }.get(opponent, f"Inpainters against {opponent}" if view == "inpainter" else f"Detectors on images of {opponent}")
    terms = like.terms.labels
    return (
        f"{whom}: {what}. Mean and 95% interval over photos (bootstrap, and exact for shares of images); "
        f"{marked(view, rows)}. "
        f"Protocol {terms['protocol']}; photos {terms['photos']}; masks {terms['masks']}; "
        f"{terms['size']}; LPIPS {terms['LPIPS backbone']}."
    )


def marked(view: View, rows: list[Row]) -> str:
    """Who is marked, and who is not and why: the rank's column, which says it on a page, is left out in print."""
    notes = {row.facets[view]: row.cells[0].note for row in rows if row.cells[0].note}
    if TOO_FEW in notes.values():
        return f"too few photos to rank (it takes {MIN_PHOTOS}), so that nothing is marked"
    unranked = listed(["controls", *(f"{name} ({why})" for name, why in notes.items())])
    return f"best and second marked, {unranked} not ranked"
