"""The gap between hole and known region beside what detectors find: rank correlations by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from safebench.protocol import SPLICED
from safebench.results.gaps import gap_correlations, measured_gaps

from .cells import COUNTED, FACET_NAMES, Cell, Column, Row, Table, figure_cell, filtered
from .entries import POOLED, pooled_inpainters
from .runs import NO_POSTPROCESS, Run, of_each_assembly, records
from .words import ALL_BINS, bin_name, bin_place

_HEADS = ("run", "dataset", "inpainter", "detector", "postprocess", "assembly", "bin")


def gaps(runs: Sequence[Run]) -> Table | None:
    """Spearman's correlation of each gap with each detector's pixel AUC; None where no run has measured one."""
    parts = [run for run in of_each_assembly(runs) if run.detection and measured_gaps(run.results)]
    metrics = list(dict.fromkeys(metric for run in parts for metric in measured_gaps(run.results)))
    columns = [
        replace(
            metric,
            name=metric.name.removeprefix("Domain gap, "),
            meaning=f"Rank correlation over pictures of the detector's pixel AUC with: {metric.meaning}",
            subject="localisation",
            better="",
            chance=None,
            undefined="",
            digits=2,
        )
        for metric in metrics
    ]
    rows = []
    for run in parts:
        found = records(gap_correlations(run.results, pooled_inpainters(run)))
        places = {POOLED: (False, -1)}
        found.sort(
            key=lambda row: (
                places.get(row["inpainter"]) or run.inpainter_place(row["inpainter"]),
                run.detector_place(row["detector"]),
                bin_place(row["bin"]),
            )
        )
        for row in found:
            facets = {"run": run.label, "assembly": run.assembly}
            facets = {head: facets[head] if head in facets else str(row[head]) for head in _HEADS}
            cells = [
                Cell(bin_name(value), str(bin_place(value))) if head == "bin" else Cell(value, value)
                for head, value in facets.items()
            ]
            figures = [figure_cell(row, metric, {}) for metric in columns]
            count = Cell(f"{row['n']:,}", str(row["n"]))
            rows.append(Row([*cells, *figures, count], facets, run.is_control(facets["inpainter"])))
    if not rows:
        return None
    heads = [Column(head, FACET_NAMES[head]) for head in _HEADS]
    shown = [*heads, *(Column(m.key, m.label, m.meaning, m) for m in columns), COUNTED]
    return filtered(_HEADS, shown, rows, bin=ALL_BINS, postprocess=NO_POSTPROCESS, assembly=SPLICED)
