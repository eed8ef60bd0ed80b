"""docs/columns.md, the page of every column of every table: made of the schema and the catalogue (`make columns`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from safebench.files import atomic_write
from safebench.metrics.catalogue import BUILT_IN, stored
from safebench.metrics.metric import Metric
from safebench.results.cells import columns_of
from safebench.runs import schema

_READABLE = {
    "photo_name": schema.MEANINGS["photo_name"],
    "control": "whether the inpainter is a control, whose answer is known (`copy`, `noise`)",
}
"""What tables in Python have beside what is stored."""
_OF_CELLS = {
    "dataset": schema.MEANINGS["dataset"],
    "inpainter": "who made the pictures",
    "assembly": "how they were assembled: `spliced`, `regenerated`, `received`",
    "postprocess": schema.MEANINGS["postprocess"],
    "detector": "who looked at them",
    "bin": "size of the hole, such as `10-20`; `all`: the images of all bins together",
    "n": "images that went well, over which means are taken",
    "photos": "photos that these were made from: what the bootstrap draws",
    "failures": "images that failed, and are in no mean",
    "inverted": "whether the AUC lies clearly below 0.5: the detector points at the background",
}
_COMPARED = {
    "metric": "key of the metric",
    **{key: _OF_CELLS[key] for key in ("dataset", "assembly", "postprocess")},
    "detector, inpainter": "whom the two meet: of two inpainters the detector, empty for quality; of two detectors the "
    "inpainter whose images they saw, `all together` for those that every detector saw in full",
    "bin": _OF_CELLS["bin"],
    "n": "images that both have a finite figure of",
    "photos": "photos that these were made from",
    "left_out": "images for which one of the two failed, is missing, or has no finite figure",
    "mean_a, mean_b": "means of the two over the same images",
    "difference": "mean of a − b",
    "low, high": "its 95% interval, by the bootstrap over photos",
    "p": "two-sided p-value, by sign flips of whole photos",
    "smallest_p": "what p could be at least, since only a photo that tells the two apart can flip",
    "inverted": "whether one of the two points at the background, so that less is not better",
}
_FAILED = ("error_step", "photo", "sample", "inpainter", "assembly", "postprocess", "detector", "error")

_INTRODUCTION = """# Columns

Every column of every table that `safebench.run` and `safebench.open_run` give, and that lies in a run's folder. Made by
`make columns` from the schema and the metrics' catalogue; a test holds it against them. The metrics' exact definitions
are in [protocol.md](protocol.md) and [metrics.md](metrics.md).

A run that is older than a column reads as NaN there, or as empty text. Paths are relative to `results.folder`. Columns
of the Parquet files in the folder are those of `results.stored`: the same without `photo_name` and `control`, and with
untouched photos among the rows of detection, as the inpainter `original`.
"""
_ENDS = "A metric's mean, or value over the cell, stands under its key, its 95% interval under `KEY_low`, `KEY_high`."


def page() -> str:
    """The page as text."""
    quality, detection = stored(BUILT_IN, quality=True), stored(BUILT_IN, quality=False)
    of_originals = {name: metric for name, metric in detection.items() if "hole" not in metric.needs}
    hole_columns = ("bin", "sample", "inpainter", "assembly", "inpainter_id")
    of_detection = _told(schema.columns("detection", ()))
    photos = {name: text for name, text in of_detection.items() if name not in hole_columns}
    sections = [
        _section("samples", "The plan: one row for each photo and bin (`samples.parquet`).", _told(schema.SAMPLES)),
        _section(
            "quality",
            "One row for each sample, inpainter and assembly (`results/quality`).",
            {**_READABLE, **_told(schema.columns("quality", ()))},
            quality,
        ),
        _section(
            "detection",
            "One row for each sample, inpainter, assembly, post-processing and detector (`results/detection`).",
            {**_READABLE, **of_detection},
            detection,
        ),
        _section(
            "originals",
            "One row for each untouched photo, post-processing and detector: without what only a hole has.",
            {"photo_name": _READABLE["photo_name"], **photos},
            of_originals,
        ),
        *_cells(),
        _section("failures", "One row for each thing that failed.", {name: schema.MEANINGS[name] for name in _FAILED}),
        _section("compare(a, b)", "Two models on the same images: one row for each cell and metric.", _COMPARED),
        _metrics(),
    ]
    return "\n".join([_INTRODUCTION, *sections])


def _told(columns: Iterable[str]) -> dict[str, str]:
    return {name: schema.MEANINGS[name] for name in columns}


def _cells() -> Iterator[str]:
    """The tables of means."""
    quality = [m for m in BUILT_IN if m.subject == "quality"]
    found = [m for m in BUILT_IN if m.subject != "quality" and (m.over == "inpainted" or m.level == "cell")]
    alarms = [m for m in BUILT_IN if m.over == "originals"]
    keys = [*_OF_CELLS]
    by_table = {
        "quality_cells": (["dataset", "inpainter", "assembly", "bin", "n", "photos", "failures"], quality),
        "detection_cells": (keys, found),
        "false_alarms": (["dataset", "postprocess", "detector", "n", "failures"], alarms),
    }
    for name, (columns, metrics) in by_table.items():
        measured = {", ".join(f"`{column}`" for column in cell_columns(m)): m for m in metrics}
        lines = [f"| `{column}` | {_OF_CELLS[column]} |" for column in columns]
        lines += [f"| {named} | {_meaning(metric)} |" for named, metric in measured.items()]
        yield _table(name, _ENDS, lines)


def cell_columns(metric: Metric) -> list[str]:
    """The columns of a metric in a table of cells."""
    return [*columns_of(metric), *([metric.count_column] if metric.count_column else [])]


def _meaning(metric: Metric) -> str:
    left_out = {"infinite": "identical to the original", "undefined": "without a value", "": ""}[metric.undefined]
    counted = f" `{metric.count_column}`: images {left_out}, which no mean holds." if metric.undefined else ""
    return f"{metric.label}: {metric.meaning}{counted}{_asked(metric)}"


def _asked(metric: Metric) -> str:
    return "" if metric.default else f" By `--metrics {metric.key}`."


def _section(name: str, what: str, columns: Mapping[str, str], metrics: Mapping[str, Metric] | None = None) -> str:
    """One table: what rows say of themselves, then the metrics by their stored column."""
    lines = [f"| {', '.join(f'`{part}`' for part in told.split(', '))} | {text} |" for told, text in columns.items()]
    for column, metric in (metrics or {}).items():
        lines.append(f"| `{column}` | {_of_one(column, metric)}{_asked(metric)} |")
    return _table(name, what, lines)


def _of_one(column: str, metric: Metric) -> str:
    """What a stored column holds of one picture; the metrics' own names speak of means."""
    if column != metric.key:
        means = " and ".join(m.label for m in BUILT_IN if m.column == column)
        return f"of this picture alone: what {means} is the mean of."
    return f"{metric.label.removeprefix('Mean ')} of this picture alone, `{metric.key}` below."


def _table(name: str, what: str, lines: Iterable[str]) -> str:
    return "\n".join([f"## `{name}`", "", what, "", "| column | what it holds |", "| --- | --- |", *lines, ""])


def _metrics() -> str:
    """All metrics of the catalogue: what they are of, and which way is better."""
    heads = ["key", "name", "of", "better for an inpainter", "chance", "what it is"]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for m in BUILT_IN:
        of = f"{m.subject}, of {'a picture' if m.level == 'picture' else 'a cell'}"
        of += "; untouched photos" if m.over == "originals" else ""
        chance = "" if m.chance is None else f"{m.chance:g}"
        better = "nearest to chance" if m.chance is not None else m.better
        lines.append(f"| `{m.key}` | {m.label} | {of} | {better} | {chance} | {m.meaning}{_asked(m)} |")
    return "\n".join(["## Metrics", "", *lines, ""])


if __name__ == "__main__":
    atomic_write(Path(sys.argv[1]), page().encode())
