"""The rows that ranked lists are made of: whom each is about, under which choice, and the records of its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from safebench.metrics.metric import View
from safebench.results import pooling, tables
from safebench.results.claims import Place
from safebench.results.robustness import Key, losses
from safebench.results.traces import PIXEL, strongest

from .runs import Record, Run, records
from .words import MISSING, Figure

TOO_FEW = "too few photos"
STRONGEST = "strongest for each"
"""The opponent of an inpainter that is asked for first: whichever detector finds it best."""
POOLED = pooling.POOLED
"""The opponent of a detector that is asked for first: the images of all inpainters, as one."""
OPPONENT: dict[View, str] = {"inpainter": "detector", "detector": "inpainter"}
_UNPOOLED = ("key", "sample_key", "inpainter_id", "detector_id", "map", "confidence", "error_step")
"""Columns of the stored rows that no mean needs: long texts, a million times over."""


class Choice(NamedTuple):
    """What one ranked list is of."""

    dataset: str
    opponent: str
    bin: str
    postprocess: str
    assembly: str


@dataclass(frozen=True)
class Entry:
    """One row to be.

    figures: the record of what was found.  beside: of an inpainter, the record of its quality; of a detector, that of
    its false alarms.  note: what keeps it from competing.
    """

    name: str
    choice: Choice
    figures: Record
    beside: Record
    competes: bool
    note: str = ""


class Pool:
    """The images of several inpainters of a run together, so that detectors meet on all of them."""

    def __init__(self, run: Run, inpainters: Sequence[str] | None = None) -> None:
        """Of the inpainters named, or of those that `pooled_inpainters` says."""
        self.run = run
        self.inpainters = pooled_inpainters(run) if inpainters is None else list(inpainters)

    @cached_property
    def cells(self) -> list[Record]:
        """The cells of each detector over these images."""
        if not self.inpainters:
            return []
        features = self.run.results.features
        unneeded = [] if features else [*_UNPOOLED, "run"]
        rows = self.run.results.detection.drop(columns=unneeded, errors="ignore")
        pooled = pooling.pooled_rows(rows, self.inpainters)
        return records(tables.detection_cells(pooled, self.run.results.metrics, features))

    @cached_property
    def losses(self) -> dict[Key, Figure]:
        """What each post-processing costs each detector, over these images."""
        rows = self.run.results.detection
        return losses(rows[rows["inpainter"].isin(self.inpainters)], POOLED)

    @cached_property
    def quality(self) -> list[Record]:
        """The quality of these images."""
        rows = pooling.pooled_rows(self.run.results.quality, self.inpainters)
        return records(tables.quality_cells(rows, self.run.results.metrics, self.run.results.features))

    def compared(self, place: Place) -> list[Record]:
        """Those of the cells of one data set, post-process and bin that may be compared.

        Who saw less under any condition is not compared under this one.
        """
        dataset, postprocess, hole_bin = place
        cells = [cell for cell in self.cells if cell["dataset"] == dataset and cell["bin"] == hole_bin]
        behind = {cell["detector"] for cell in cells if self.gap(cell)}
        return [cell for cell in cells if cell["postprocess"] == postprocess and cell["detector"] not in behind]

    def gap(self, cell: Record) -> str:
        """What keeps a detector from being compared over these images: another saw more of them."""
        keys = ("dataset", "postprocess", "bin")
        most = max(int(other["n"]) for other in self.cells if all(other[key] == cell[key] for key in keys))
        return f"saw {cell['n']:,} of {most:,} images" if cell["n"] < most else self.run.claims.originals_gap(cell)


def pooled_inpainters(run: Run) -> list[str]:
    """The inpainters whose images are pooled: no controls, and only those that every detector saw in full."""
    return sorted(run.claims.seen_in_full, key=run.inpainter_place)


def of_inpainters(run: Run) -> Iterator[Entry]:
    """Each inpainter before the strongest detector, and before each; its quality beside it."""
    claims = run.claims
    quality = {(row["dataset"], row["inpainter"], row["bin"]): row for row in run.quality}
    met: dict[tuple[str, ...], list[Record]] = {}
    for row in run.detection:
        met.setdefault((row["dataset"], row["bin"], row["postprocess"], row["inpainter"]), []).append(row)
    for (dataset, hole_bin, postprocess, name), rows in met.items():
        beside = quality.get((dataset, name, hole_bin), {})
        place = (dataset, postprocess, hole_bin)
        panel = [row for row in rows if row["detector"] in claims.panel(place)]
        if best := strongest(panel or rows, PIXEL):
            gap = "" if run.is_control(name) else claims.gap(place, name)
            choice = Choice(dataset, STRONGEST, hole_bin, postprocess, run.assembly)
            yield _entry(run, name, choice, best, beside, claims.ranked(best), gap)
        for row in rows:
            choice = Choice(dataset, row["detector"], hole_bin, postprocess, run.assembly)
            yield _entry(run, name, choice, row, beside, claims.ranked(row), claims.shortfall(row))
    if not run.detection:
        for (dataset, name, hole_bin), row in quality.items():
            choice = Choice(dataset, MISSING, hole_bin, MISSING, run.assembly)
            yield _entry(run, name, choice, {}, row, claims.ranked(row), claims.shortfall(row))


def of_detectors(pool: Pool) -> Iterator[Entry]:
    """Each detector over the pooled images, and over those of each inpainter; its false alarms beside it."""
    run, claims = pool.run, pool.run.claims
    alarms = {(row["dataset"], row["postprocess"], row["detector"]): row for row in run.false_alarms}
    for row in [*pool.cells, *run.detection]:
        beside = alarms.get((row["dataset"], row["postprocess"], row["detector"]), {})
        gap = pool.gap(row) if row["inpainter"] == POOLED else claims.detector_gap(row)
        choice = Choice(row["dataset"], row["inpainter"], row["bin"], row["postprocess"], run.assembly)
        yield _entry(run, row["detector"], choice, row, beside, claims.enough(row), gap)


def _entry(run: Run, name: str, choice: Choice, figures: Record, beside: Record, ranked: bool, gap: str) -> Entry:
    """An entry that competes where nothing keeps it from it, with what does."""
    few = not run.is_control(name) and not run.claims.enough(figures or beside)
    return Entry(name, choice, figures, beside, ranked and not gap, gap or (TOO_FEW if few else ""))
