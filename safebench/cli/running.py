"""`safebench run` at the terminal: progress, the summary, the report's path."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from safebench.cli.progress import watching
from safebench.commands.run import execute
from safebench.errors import ExitStatus
from safebench.metrics.auc import AUC
from safebench.metrics.metric import Metric
from safebench.protocol import NO_POSTPROCESS, RECEIVED, SPLICED
from safebench.results.claims import Claims
from safebench.results.reporting import write_report
from safebench.results.results import Results
from safebench.results.verdict import least_detectable
from safebench.runs.config import RunConfig
from safebench.runs.failures import in_words
from safebench.runs.provenance import caveats

_MEANS = "all bins (mean [95% interval])"
_ABREAST = 4
"""Metrics that a table of the terminal holds."""


def run_and_report(config: RunConfig) -> ExitStatus:
    """Run, print the summary, write the HTML report into the run's folder and print its path.

    Returns FAILURES where a sample failed.
    """
    console = Console(stderr=True)
    with watching(console) as watcher:
        results = execute(config, watcher)
    summarise(results, Console())
    page = write_report([results], results.folder / "report", "html")
    Console(soft_wrap=True).print(f"Report: {page}", highlight=False, markup=False)
    return ExitStatus.FAILURES if len(results.failures) else ExitStatus.DONE


_CONDITIONS = {"assembly": (SPLICED, RECEIVED), "postprocess": (NO_POSTPROCESS,)}
"""Keys of cells that are shown only where a run has more than the usual one."""


def summarise(results: Results, console: Console) -> None:
    """The means over all bins; what failed, how often and why."""
    of_quality = [m for m in results.metrics if m.subject == "quality"]
    inpainted = [m for m in results.metrics if m.subject != "quality" and m.over == "inpainted"]
    originals = [m for m in results.metrics if m.over == "originals"]
    quality = results.quality_cells
    quality = quality[quality["bin"] == "all"]
    if len(quality):
        console.print(*_tables(f"Visual quality, {_MEANS}", ("inpainter",), quality, of_quality))
    detection = results.detection_cells
    detection = detection[detection["bin"] == "all"]
    if len(detection):
        console.print(*_tables(f"Detection, {_MEANS}", ("inpainter", "detector"), detection, inpainted))
    if len(results.false_alarms):
        console.print(*_tables("Control: untouched photos", ("detector",), results.false_alarms, originals))
    claims = Claims(results.of_one_assembly())
    for dataset in dict.fromkeys(results.samples["dataset"]):
        verdict = " ".join(map(str, least_detectable(claims, dataset)))
        console.print(verdict, markup=False, highlight=False, soft_wrap=True)
    if whose := caveats(results.record):
        console.print(whose, markup=False)
    for sentence in _failures(results):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _failures(results: Results) -> list[str]:
    """A sentence for each model and step that failed, with the most frequent cause."""
    failures = results.failures
    if not len(failures):
        return []
    models = {"detect": results.detection["detector"]}
    models |= dict.fromkeys(("inpaint", "quality"), results.quality["inpainter"])
    models["postprocess"] = results.detection["postprocess"]
    model = failures["detector"].where(failures["error_step"] == "detect", failures["inpainter"])
    model = model.mask(failures["error_step"] == "postprocess", failures["postprocess"])
    sentences = []
    for step, name in sorted(set(zip(failures["error_step"], model, strict=True))):
        errors = failures.loc[(failures["error_step"] == step) & (model == name), "error"]
        if step in models:
            which = f"{name}: {len(errors)} of {(models[step] == name).sum()} images"
        else:
            which = f"{len(errors)} {'mask' if step == 'mask' else 'photo'}{'s' if len(errors) > 1 else ''}"
        sentences.append(f"Failed in step '{step}': {which}; {in_words(errors)}")
    return [*sentences, "The report lists each failure; from Python: open_run(...).failures"]


def _tables(title: str, names: tuple[str, ...], cells: Any, metrics: Sequence[Metric]) -> Iterator[Table]:
    """The metrics that are shown here and present, so many a table as an ordinary terminal holds."""
    names = (
        *names,
        *(name for name, usual in _CONDITIONS.items() if name in cells and not cells[name].isin(usual).all()),
    )
    shown = [metric for metric in metrics if "terminal" in metric.shown and metric.key in cells]
    for k in range(0, len(shown), _ABREAST):
        yield _table(title, names, cells, shown[k : k + _ABREAST])


def _table(title: str, names: tuple[str, ...], cells: Any, metrics: Sequence[Metric]) -> Table:
    """One row a cell: names, metrics, n and failures."""
    table = Table(title=title, title_justify="left")
    for heading in (*names, *(metric.label for metric in metrics), "n", "failed"):
        table.add_column(heading, justify="left" if heading in names else "right", overflow="fold")
    for _, row in cells.iterrows():
        figures = [
            _figure(row, metric) + (" inverted" if metric.key == AUC.key and row["inverted"] else "")
            for metric in metrics
        ]
        table.add_row(*(str(row[name]) for name in names), *figures, str(row["n"]), str(row["failures"]))
    return table


def _figure(row: Any, metric: Metric) -> str:
    if math.isnan(row[metric.key]):
        return "-"
    digits = metric.digits
    low, high = (row.get(f"{metric.key}{end}", math.nan) for end in ("_low", "_high"))
    interval = "" if math.isnan(low) else rf" \[{low:.{digits}f}, {high:.{digits}f}]"
    return f"{row[metric.key]:.{digits}f}{interval}"
