"""The runs that a report shows, as plain records: one dict for each row of an aggregated table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from safebench.metrics.catalogue import BUILT_IN
from safebench.metrics.lpips import NETWORK as LPIPS_NETWORK
from safebench.metrics.metric import Metric
from safebench.results import claims
from safebench.results.claims import Claims
from safebench.results.comparing import Group, group, run_labels
from safebench.results.results import Results, Tables
from safebench.runs.record import ModelRecord, RunRecord

from .words import bin_place

Record = dict[str, Any]
NO_POSTPROCESS = claims.NO_POSTPROCESS


@dataclass(frozen=True)
class Run:
    """One run, or several that are like, with the pictures of one assembly.

    Figures come from stored tables alone; `record` is what run.json says.
    """

    label: str
    """Its name, told apart from another run's of the same name."""
    assembly: str
    results: Tables
    folders: Mapping[str, Path]
    """Where the files lie that the rows name: by run."""
    record: RunRecord
    quality: list[Record]
    detection: list[Record]
    false_alarms: list[Record]
    failures: list[Record]
    """Of every assembly."""
    others: tuple[Run, ...] = ()
    """The same with the pictures of other assemblies."""

    @property
    def of_each_assembly(self) -> tuple[Run, ...]:
        """One for each assembly, this one first."""
        return self, *self.others

    def models(self, kind: str) -> dict[str, ModelRecord]:
        """What run.json says of each inpainter or detector, in the order of the run."""
        return self.record.models(kind)

    def is_control(self, inpainter: str) -> bool:
        """Whether an inpainter is a reference whose answer is known, by its card."""
        return self.claims.is_control(inpainter)

    @cached_property
    def claims(self) -> Claims:
        """What may be compared and said of its figures."""
        return Claims(self.results)

    def folder(self, row: Mapping[str, Any]) -> Path:
        """Where the files lie that a row names."""
        return self.folders[row["run"]] if "run" in row else next(iter(self.folders.values()))

    def inpainter_place(self, name: str) -> tuple[bool, int]:
        """Where an inpainter stands: in the order of the run, controls last."""
        return self.is_control(name), _place(self.models("inpainters"), name)

    def detector_place(self, name: str) -> int:
        """Where a detector stands: in the order of the run."""
        return _place(self.models("detectors"), name)


def open_runs(results: Sequence[Results]) -> list[Run]:
    """The runs in the order given, each for itself, their rows in the order in which they are shown."""
    labels = run_labels(results)
    return [as_run(label, group([result])[0]) for label, result in zip(labels, results, strict=True)]


def as_run(label: str, like: Group) -> Run:
    """Like runs as one: with their spliced pictures, where there are any, and the others beside it."""
    folders = {source.label: source.results.folder for source in like.sources}
    failures = records(like.tables.failures)
    first, *others = (
        _sorted(Run(label, assembly, tables, folders, tables.record, *_cells(tables), failures))
        for assembly, tables in like.tables.by_assembly().items()
    )
    return replace(first, others=tuple(others))


def of_each_assembly(runs: Sequence[Run]) -> list[Run]:
    """The runs, one for each of their assemblies."""
    return [part for run in runs for part in run.of_each_assembly]


def mapping(value: object) -> Mapping[str, Any]:
    """`value` where it is a mapping; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def detection_metrics(runs: Sequence[Run]) -> list[Metric]:
    """The metrics of detection that any of the runs holds."""
    rows = [row for run in runs for row in run.detection]
    return _present([m for m in _measured(runs) if m.subject != "quality" and m.over == "inpainted"], rows)


def quality_metrics(runs: Sequence[Run]) -> list[Metric]:
    """The metrics of quality that any of the runs holds; those of LPIPS say which backbone gave them."""
    nets = sorted({run.record.lpips_net for run in runs if run.record.lpips_net})
    backbones = f" ({' / '.join(nets)})" if nets else ""
    named = [
        replace(metric, name=metric.name + backbones) if LPIPS_NETWORK in metric.needs else metric
        for metric in _measured(runs)
        if metric.subject == "quality"
    ]
    return _present(named, [row for run in runs for row in run.quality])


def false_alarm_metrics(runs: Sequence[Run]) -> list[Metric]:
    """The metrics over untouched originals that any of the runs holds."""
    rows = [row for run in runs for row in run.false_alarms]
    return _present([metric for metric in _measured(runs) if metric.over == "originals"], rows)


def _measured(runs: Sequence[Run]) -> list[Metric]:
    """What any of the runs measured, in the catalogue's order: SafeBench's own, then others'."""
    metrics = {metric.key: metric for run in runs for metric in run.results.metrics}
    own = {metric.key: k for k, metric in enumerate(BUILT_IN)}
    return sorted(metrics.values(), key=lambda metric: own.get(metric.key, len(own)))


def _present(metrics: list[Metric], rows: list[Record]) -> list[Metric]:
    columns = {column for row in rows for column in row}
    return [metric for metric in metrics if metric.key in columns]


def _cells(results: Tables) -> tuple[list[Record], list[Record], list[Record]]:
    return records(results.quality_cells), records(results.detection_cells), records(results.false_alarms)


def records(frame: pd.DataFrame) -> list[Record]:
    """A table's rows."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _sorted(run: Run) -> Run:
    """Detection by detector, so that inpainters that one detector met stand together; all bins before each bin."""
    return replace(
        run,
        false_alarms=sorted(
            run.false_alarms, key=lambda row: (row["dataset"], row["postprocess"], run.detector_place(row["detector"]))
        ),
        quality=sorted(
            run.quality, key=lambda row: (row["dataset"], bin_place(row["bin"]), run.inpainter_place(row["inpainter"]))
        ),
        detection=sorted(
            run.detection,
            key=lambda row: (
                row["dataset"],
                bin_place(row["bin"]),
                row["postprocess"] != NO_POSTPROCESS,
                row["postprocess"],
                run.detector_place(row["detector"]),
                run.inpainter_place(row["inpainter"]),
            ),
        ),
    )


def _place(names: Mapping[str, Any], name: str) -> int:
    return list(names).index(name) if name in names else len(names)
