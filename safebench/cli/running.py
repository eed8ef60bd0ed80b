"""`safebench run` at the terminal: progress, the summary, the report's path."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from safebench.cli.progress import watching
from safebench.commands.run import execute
from safebench.errors import ExitStatus
from safebench.results.reporting import write_report
from safebench.results.results import Results
from safebench.runs.config import RunConfig
from safebench.runs.failures import in_words
from safebench.runs.provenance import whose_weights


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


def summarise(results: Results, console: Console) -> None:
    """The means over all bins; what failed, how often and why."""
    quality = results.quality_cells
    quality = quality[quality["bin"] == "all"]
    if len(quality):
        console.print(_quality_table(quality))
    detection = results.detection_cells
    detection = detection[detection["bin"] == "all"]
    if len(detection):
        console.print(_detection_table(detection))
    if len(results.false_alarms):
        console.print(_control_table(results.false_alarms))
    if whose := whose_weights(results.info):
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
    model = failures["detector"].where(failures["error_step"] == "detect", failures["inpainter"])
    sentences = []
    for step, name in sorted(set(zip(failures["error_step"], model, strict=True))):
        errors = failures.loc[(failures["error_step"] == step) & (model == name), "error"]
        if step in models:
            which = f"{name}: {len(errors)} of {(models[step] == name).sum()} images"
        else:
            which = f"{len(errors)} {'mask' if step == 'mask' else 'photo'}{'s' if len(errors) > 1 else ''}"
        sentences.append(f"Failed in step '{step}': {which}; {in_words(errors)}")
    return [*sentences, "The report lists each failure; from Python: open_run(...).failures"]


def _quality_table(cells: Any) -> Table:
    table = Table(title="Visual quality, all bins (mean [95% interval])", title_justify="left")
    metrics = [("psnr", "PSNR dB", 2), ("ssim", "SSIM", 4), ("lpips", "LPIPS", 4), ("psnr_hole", "PSNR-hole dB", 2)]
    metrics = [metric for metric in metrics if metric[0] in cells]
    for heading in ("inpainter", *(title for _, title, _ in metrics), "n", "failed"):
        table.add_column(heading, justify="left" if heading == "inpainter" else "right", overflow="fold")
    for _, row in cells.iterrows():
        figures = [_figure(row, name, digits) for name, _, digits in metrics]
        table.add_row(str(row["inpainter"]), *figures, str(row["n"]), str(row["failures"]))
    return table


def _detection_table(cells: Any) -> Table:
    table = Table(title="Detection, all bins (mean [95% interval])", title_justify="left")
    metrics = [("auc", "pixel AUC"), ("f1", "F1"), ("detection_rate", "ACC (detection rate)")]
    for heading in ("inpainter", "detector", *(title for _, title in metrics), "n", "failed"):
        table.add_column(heading, justify="left" if heading in ("inpainter", "detector") else "right", overflow="fold")
    for _, row in cells.iterrows():
        figures = [
            _figure(row, name, 3) + (" inverted" if name == "auc" and row["inverted"] else "") for name, _ in metrics
        ]
        table.add_row(str(row["inpainter"]), str(row["detector"]), *figures, str(row["n"]), str(row["failures"]))
    return table


def _control_table(cells: Any) -> Table:
    table = Table(title="Control: untouched photos", title_justify="left")
    for heading in ("detector", "false-alarm rate", "n", "failed"):
        table.add_column(heading, justify="left" if heading == "detector" else "right")
    for _, row in cells.iterrows():
        table.add_row(str(row["detector"]), _figure(row, "false_alarm_rate", 3), str(row["n"]), str(row["failures"]))
    return table


def _figure(row: Any, name: str, digits: int) -> str:
    if math.isnan(row[name]):
        return "-"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    interval = "" if math.isnan(low) else rf" \[{low:.{digits}f}, {high:.{digits}f}]"
    return f"{row[name]:.{digits}f}{interval}"
