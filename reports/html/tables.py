"""The page's tables: results, quality, false alarms."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace

from safebench.metrics.metric import VIEWS, Metric, View
from safebench.protocol import SPLICED

from .._common.cells import (
    COUNTED,
    FACET_NAMES,
    FAILED,
    Cell,
    Column,
    Row,
    Table,
    by_condition,
    figure_cell,
    filtered,
    misled,
    places,
)
from .._common.runs import (
    NO_POSTPROCESS,
    Record,
    Run,
    detection_metrics,
    false_alarm_metrics,
    of_each_assembly,
    quality_metrics,
)
from .._common.words import ALL_BINS, bin_name, bin_place, figure

_Entry = tuple[Run, Record]
_AT_A_GLANCE = 24
"""Rows that a reader takes in without choosing first."""


def results_table(runs: Sequence[Run]) -> Table:
    """Inpainter x detector x bin, the quality of the same composites beside it."""
    parts = of_each_assembly(runs)
    entries = [(run, row) for run in parts for row in run.detection]
    keys = ("dataset", "inpainter", "assembly", "bin")
    quality = {(run.label, *(row[key] for key in keys)): row for run in parts for row in run.quality}
    detection, kept = detection_metrics(parts), quality_metrics(parts)
    ranks = {metric.key: _ranks(entries, metric) for metric in detection}
    ranks |= {metric.key: _quality_ranks(parts, metric) for metric in kept}
    heads = ["inpainter", "detector", "postprocess", "assembly", "bin"]
    rows = []
    for run, row in entries:
        beside = quality.get((run.label, *(row[key] for key in keys)), {})
        figures = [*_figures(run, row, detection, ranks), *_figures(run, beside, kept, ranks)]
        rows.append(_row(run, row, heads, figures))
    return _table(rows, heads, [*detection, *kept])


def quality_table(runs: Sequence[Run]) -> Table:
    """Inpainter x assembly x bin."""
    parts = of_each_assembly(runs)
    kept = quality_metrics(parts)
    ranks = {metric.key: _quality_ranks(parts, metric) for metric in kept}
    heads = ["inpainter", "assembly", "bin"]
    rows = [_row(run, row, heads, _figures(run, row, kept, ranks)) for run in parts for row in run.quality]
    return _table(rows, heads, kept)


def false_alarms_table(runs: Sequence[Run]) -> Table:
    """What each detector says of untouched originals; under every condition, where those are few rows."""
    metrics = false_alarm_metrics(runs)
    rows = []
    for run in runs:
        for row in run.false_alarms:
            rows.append(_row(run, row, ("detector", "postprocess"), _figures(run, row, metrics, {})))
    table = by_condition(_table(rows, ["detector", "postprocess"], metrics))
    return table if len(rows) > _AT_A_GLANCE else replace(table, chosen={})


def _ranks(entries: list[_Entry], metric: Metric) -> dict[Hashable, dict[View, int]]:
    """Places among the inpainters that one detector met, and among the detectors that met one inpainter."""
    groups: dict[View, Callable[[_Entry], Hashable]] = {
        "inpainter": lambda entry: _name(*entry, leave="inpainter"),
        "detector": lambda entry: _name(*entry, leave="detector"),
    }
    return _placed(entries, metric, groups)


def _quality_ranks(runs: Sequence[Run], metric: Metric) -> dict[Hashable, dict[View, int]]:
    """Places among the inpainters of one bin."""
    entries = [(run, row) for run in runs for row in run.quality]
    return _placed(entries, metric, {"inpainter": lambda entry: _name(*entry, leave="inpainter")})


def _placed(
    entries: list[_Entry], metric: Metric, groups: dict[View, Callable[[_Entry], Hashable]]
) -> dict[Hashable, dict[View, int]]:
    found: dict[Hashable, dict[View, int]] = {_name(*entry): {} for entry in entries}
    for view in VIEWS:
        better = metric.better_for(view)
        if view in groups and better:
            values = [_competing(run, row, metric, view) for run, row in entries]
            ranked = places(values, [groups[view](entry) for entry in entries], better == "low")
            for entry, place in zip(entries, ranked, strict=True):
                found[_name(*entry)][view] = 0 if misled(entry[1], metric) else place
    return found


def _competing(run: Run, row: Record, metric: Metric, view: View) -> float | None:
    """What a figure is ranked by; None where it may not be called best, or is what an inverted map says.

    An inpainter hides best where the AUC is at chance; an inverted one takes its place by how far it is from there,
    though it is never marked.
    """
    value = figure(row, metric.key)
    if value is None or math.isnan(value.value) or not run.claims.ranked(row):
        return None
    if view == "detector" and run.claims.detector_gap(row):
        return None
    if view == "inpainter" and metric.chance is not None:
        return metric.trace(value.value)
    return None if misled(row, metric) else value.value


def _name(run: Run, row: Record, leave: str = "") -> Hashable:
    keys = ("dataset", "inpainter", "assembly", "postprocess", "detector", "bin")
    return (run.label, *(None if key == leave else row.get(key) for key in keys))


def _figures(
    run: Run, row: Record, metrics: Sequence[Metric], ranks: Mapping[str, dict[Hashable, dict[View, int]]]
) -> list[Cell]:
    name = _name(run, row)
    return [figure_cell(row, metric, ranks.get(metric.key, {}).get(name, {})) for metric in metrics]


def _row(run: Run, row: Record, keys: Sequence[str], figures: list[Cell]) -> Row:
    facets = {"run": run.label, "dataset": str(row["dataset"]), **{key: str(row[key]) for key in keys}}
    texts = [
        Cell(bin_name(value), str(bin_place(value))) if key == "bin" else Cell(value, value)
        for key, value in facets.items()
    ]
    missing = run.claims.missing(row) if "bin" in row else 0
    counts = [Cell(f"{row[key]:,}", str(row[key])) for key in ("n", "failures")]
    counts[0] = replace(counts[0], note=f"{missing:,} missing" if missing else "")
    control = run.is_control(facets.get("inpainter", ""))
    return Row([*texts, *figures, *counts], facets, control)


def _table(rows: list[Row], keys: Sequence[str], metrics: list[Metric]) -> Table:
    heads = ["run", "dataset", *keys]
    columns = [Column(head, FACET_NAMES[head]) for head in heads]
    columns += [Column(metric.key, metric.label, metric.meaning, metric) for metric in metrics]
    usual = {"bin": ALL_BINS, "postprocess": NO_POSTPROCESS, "assembly": SPLICED}
    return filtered(heads, [*columns, COUNTED, FAILED], rows, **usual)
