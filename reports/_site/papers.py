"""Ranked lists as tables for a paper, the same in every form of text: heads, rows, who is best and second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safebench.comparing import Group
from safebench.keys import slug
from safebench.provenance import whose_weights

from .cells import Cell, Column
from .metrics import View
from .runs import NO_POSTPROCESS, Run
from .standings import OPPONENT, POOLED, STRONGEST, Standings, bins, part

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


def paper_tables(
    tables: Sequence[tuple[Group, Run]], standings: Sequence[Standings] | None = None
) -> Iterator[PaperTable]:
    """For each table, data set, post-process and bin: inpainters before their strongest detector, then detectors."""
    for (like, run), each in zip(tables, standings or [Standings(run) for _, run in tables], strict=True):
        for view, first in FIRST.items():
            table = each.table(view)
            kept = [k for k, column in enumerate(table.columns) if _kept(column)]
            for dataset, _ in table.facets["dataset"]:
                for postprocess, _ in table.facets["postprocess"]:
                    for hole_bin, bin_label in bins(table):
                        choice = {"dataset": dataset, "postprocess": postprocess, "bin": hole_bin}
                        rows = part(table, **choice, **{OPPONENT[view]: first})
                        if rows:
                            yield PaperTable(
                                name="-".join((slug(run.label), f"{view}s", dataset, postprocess, hole_bin)).lower(),
                                caption=" ".join(
                                    (_caption(like, view, dataset, postprocess, bin_label), whose_weights(run.info))
                                ).rstrip(),
                                view=view,
                                columns=[table.columns[k] for k in kept],
                                rows=[[row.cells[k] for k in kept] for row in rows],
                            )


def _kept(column: Column) -> bool:
    shown_alarms = column.key in ("false_alarm_rate", "detection_rate_at_5")
    return column.key in ("inpainter", "detector", "opponent", "n") or bool(
        column.metric and (column.metric.shown or shown_alarms)
    )


def _caption(like: Group, view: View, dataset: str, postprocess: str, bin_label: str) -> str:
    whom = {
        "inpainter": "Inpainters, each against the detector that finds it best",
        "detector": "Detectors, over the images of all ranked inpainters together",
    }[view]
    after = "" if postprocess in (NO_POSTPROCESS, "–") else f", after {postprocess}"
    told = like.terms.told
    return (
        f"{whom}: {dataset}, {bin_label}{after}. Mean and 95% interval (bootstrap over photos); "
        f"best and second marked, controls not ranked. "
        f"Protocol {told['protocol']}, photos {told['photos']}, masks {told['masks']}, "
        f"{told['size']}, LPIPS {told['LPIPS backbone']}."
    )
