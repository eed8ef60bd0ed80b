"""Measured beside published figures, cell by cell, with the reason for every blank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safebench.commands.reproduce import SAMPLE, Outcome, RowSpec, Suite
from safebench.files import cache_folder
from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate import DETECTION_RATE
from safebench.metrics.f1 import F1
from safebench.metrics.lpips import LPIPS
from safebench.metrics.psnr import PSNR
from safebench.protocol import ORIGINAL
from safebench.results.comparing import terms
from safebench.results.privacy import without_paths
from safebench.results.results import Results
from safebench.results.trainings import Trainings
from safebench.runs.provenance import caveats

from .._common.runs import Record, mapping, records
from .._common.words import Figure, bin_name, figure, listed, number, told

METRICS = {"psnr": ("PSNR (dB)", 2), "lpips": ("LPIPS", 3), "auc": ("AUC", 4), "f1": ("F1", 4), "acc": ("ACC", 4)}
"""The paper's names, and its decimals."""
_MEASURED = {"psnr": PSNR, "lpips": LPIPS, "auc": AUC, "f1": F1, "acc": DETECTION_RATE}
"""What stands beside them."""
CACHE = "$SAFEBENCH_CACHE"
"""What a page calls the folder of checkpoints: its path says who worked where."""


_OF_TRAININGS = (
    "Figures are means over trainings, which differ in their seed alone, and photos; the 95% intervals are over both: "
    "photos and trainings are drawn, each by itself. Few trainings carry little: of two the interval spans from the "
    "one to the other, and covers no third."
)
_OF_ONE_TRAINING = (
    "One training of each network: the 95% intervals are over photos alone, so a difference may be the seed's."
)


@dataclass(frozen=True)
class Beside:
    """One cell; figures as text, "" where there is none, and then `reason` says why.

    of_each, each: the figure of each training in the order of the seeds, where there are several; and as text.
    """

    published: str
    measured: str
    difference: str
    n: int
    reason: str
    value: Figure
    of_each: tuple[float, ...] = ()
    each: str = ""


@dataclass(frozen=True)
class Line:
    """One row of a block: the model, and one cell for each metric and bin."""

    label: str
    note: str
    cells: list[Beside]

    @property
    def measured(self) -> bool:
        """Whether any of its figures was."""
        return any(cell.measured for cell in self.cells)


@dataclass(frozen=True)
class Block:
    """The rows of one data set and detector; `columns` are metric and bin."""

    title: str
    remark: str
    columns: list[tuple[str, str]]
    lines: list[Line]

    @property
    def published(self) -> bool:
        """Whether any figure of it was: where none was, no heading promises one."""
        return any(cell.published for line in self.lines for cell in line.cells)


@dataclass(frozen=True)
class Comparison:
    """A whole table."""

    table: str
    title: str
    blocks: list[Block]
    remarks: list[str]
    reasons: list[tuple[str, str]]

    @property
    def published(self) -> bool:
        """Whether any block has published figures."""
        return any(block.published for block in self.blocks)


def comparison(outcome: Outcome, published: Mapping[str, Any]) -> Comparison:
    """All blocks of a table: each data set that was run, then those that could not be.

    The published figures of a data set that was not run are left to the block of other photos that they stand beside.
    """
    suite = outcome.suite
    figures = mapping(published.get(suite.table))
    beside = {_beside_whose(suite, name) for name in outcome.datasets}
    measured = [*outcome.datasets, *(name for name in suite.datasets if name not in beside)]
    detectors: Sequence[str] = outcome.detectors or ("",)
    blocks = [_block(outcome, dataset, detector, figures) for dataset in measured for detector in detectors]
    kept = [block for block in blocks if any(c.published or c.measured for line in block.lines for c in line.cells)]
    return Comparison(
        suite.table, suite.title, kept or blocks[:1], _remarks(outcome, figures), _reasons(outcome.reasons)
    )


def _remarks(outcome: Outcome, figures: Mapping[str, Any]) -> list[str]:
    """What has to be known before anything is compared."""
    remarks = []
    if outcome.trained:
        several = any(len(measured.names) > 1 for measured in outcome.runs.values())
        remarks += [without_paths(outcome.trained), _OF_TRAININGS if several else _OF_ONE_TRAINING]
    if SAMPLE in outcome.datasets:
        mixed = ": a difference mixes model and photos" if figures else ""
        remarks.append(f"Measured on SafeBench's built-in photos, not on the paper's data{mixed}.")
    for (dataset, _), measured in outcome.runs.items():
        remarks.append(f"On {without_paths(dataset)}: {_terms(measured.results)}.")
        if whose := caveats(measured.results.record):
            remarks.append(whose)
    if not figures:
        remarks.append("No published figures of this table are at hand: these are measured ones alone.")
    if any(row.extra for row in outcome.rows):
        extra = listed(row.label for row in outcome.rows if row.extra)
        remarks.append(f"Not in the paper, and run beside it because they need no weights: {extra}.")
    return list(dict.fromkeys(remarks))


def _terms(results: Results) -> str:
    said = dict(terms(results).labels)
    return ", ".join(f"{key} {value}" for key, value in said.items())


def _reasons(reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, _reason(why)) for name, why in reasons.items()]


def _reason(why: str) -> str:
    """A reason as it is shown: where a file belongs in the cache stays told, whose cache it is does not."""
    return without_paths(why.replace(str(cache_folder()), CACHE))


def _beside_whose(suite: Suite, dataset: str) -> str:
    """The data set whose published figures stand beside a run: its own, else the table's first."""
    return dataset if dataset in suite.datasets else suite.datasets[0]


def _block(outcome: Outcome, dataset: str, detector: str, figures: Mapping[str, Any]) -> Block:
    suite = outcome.suite
    columns = [(metric, hole_bin) for metric in suite.metrics for hole_bin in suite.bins]
    shown_beside = _beside_whose(suite, dataset)
    own_detector = not suite.detectors or detector in suite.detectors
    lines = []
    for row in outcome.rows:
        cells = []
        for metric, hole_bin in columns:
            printed = mapping(mapping(figures.get(metric)).get(shown_beside)).get(row.label)
            value = printed[suite.bins.index(hole_bin)] if printed and own_detector else math.nan
            cells.append(_beside(outcome, row, dataset, detector, metric, hole_bin, value))
        line = Line(row.label, "not in the paper" if row.extra else "", cells)
        if line.measured or not (row.extra or (detector and not own_detector)):
            lines.append(line)
    lines += [_difference(outcome, row, dataset, detector, columns) for row in _set_against(outcome, dataset)]
    title = f"{without_paths(dataset)}" + (f", detector {detector}" if detector else "")
    remark = f"published figures: {shown_beside}" if figures and dataset != shown_beside else ""
    if detector and not own_detector:
        remark = "this detector is not in the paper"
    names = [(METRICS[metric][0], bin_name(hole_bin)) for metric, hole_bin in columns]
    return Block(title, remark, names, lines)


def _beside(
    outcome: Outcome, row: RowSpec, dataset: str, detector: str, metric: str, hole_bin: str, published: float
) -> Beside:
    digits = METRICS[metric][1]
    record, reason = _record(outcome, row, dataset, detector, metric, hole_bin)
    measured = figure(record, _MEASURED[metric].key) or Figure(math.nan)
    if not reason and math.isnan(measured.value):
        reason = "not measured (no LPIPS backbone at hand)" if _MEASURED[metric] is LPIPS else "every image failed"
    known = not math.isnan(measured.value)
    both = known and not math.isnan(published)
    difference = number(measured.value - published, digits) if both else ""
    of_each, each = _of_each(record, digits)
    return Beside(
        published="" if math.isnan(published) else number(published, digits),
        measured=told(measured, digits) if known else "",
        difference=f"+{difference}" if both and measured.value > published and float(difference) else difference,
        n=int(record.get("n", 0)),
        reason="" if known else reason,
        value=measured,
        of_each=of_each,
        each=each,
    )


def _set_against(outcome: Outcome, dataset: str) -> list[RowSpec]:
    """The rows that were trained and lie beside another that was, which lacks the part in question."""
    both = [row for row in outcome.rows if row.beside and (dataset, row.beside) in outcome.runs]
    return [row for row in both if outcome.trained and (dataset, row.label) in outcome.runs]


def _difference(outcome: Outcome, row: RowSpec, dataset: str, detector: str, columns: list[tuple[str, str]]) -> Line:
    """What the part in question changes: a row minus the one beside it, paired by picture and by training."""
    cells = []
    for metric, hole_bin in columns:
        digits = METRICS[metric][1]
        pair = [outcome.runs[dataset, label] for label in (row.label, row.beside)]
        ours, theirs = (Trainings.of(m.results, m.names, hole_bin, _MEASURED[metric], detector) for m in pair)
        record = ours.minus(theirs)
        value = figure(record, _MEASURED[metric].key) or Figure(math.nan)
        known = not math.isnan(value.value)
        told_value = ("+" if value.value > 0 else "") + told(value, digits) if known else ""
        reason = "" if known else "one of the two has no figure"
        cells.append(Beside("", told_value, "", int(record["n"]), reason, value, *_of_each(record, digits)))
    return Line(f"{row.label} − {row.beside}", "paired difference", cells)


def _of_each(record: Record, digits: int) -> tuple[tuple[float, ...], str]:
    of_each = record.get("of_each", ())
    if len(of_each) < 2 or any(math.isnan(value) for value in of_each):
        return (), ""
    return of_each, " / ".join(number(value, digits) for value in of_each)


def _record(
    outcome: Outcome, row: RowSpec, dataset: str, detector: str, metric: str, hole_bin: str
) -> tuple[Record, str]:
    """The cell that holds a figure, or why there is none."""
    if (dataset, row.label) not in outcome.runs:
        return {}, _why(outcome, row, dataset)
    results, names = outcome.runs[dataset, row.label]
    of_detector = _MEASURED[metric].subject != "quality"
    if of_detector and detector in outcome.reasons:
        return {}, _reason(f"{detector}: {outcome.reasons[detector]}")
    if outcome.trained:
        record = Trainings.of(results, names, hole_bin, _MEASURED[metric], detector).record()
        return (record, "") if record["n"] + record["failures"] else ({}, "not run")
    if not of_detector:
        cells = results.quality_cells
    else:
        cells = results.detection_cells
        cells = cells[(cells["detector"].str.partition(":")[0] == detector) & (cells["inpainter"] != ORIGINAL)]
    rows = records(cells[cells["inpainter"].isin(names) & (cells["bin"] == hole_bin)])
    return (rows[0], "") if rows else ({}, "not run")


def _why(outcome: Outcome, row: RowSpec, dataset: str) -> str:
    if dataset not in outcome.datasets:
        return outcome.reasons.get(dataset, "not run")
    return _reason(outcome.reasons.get(row.label, "not run"))
