"""A run's results as people read them in Python: tables, what was run, two models compared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from safebench.errors import PluginError
from safebench.files import atomic_write, expanded, file_errors
from safebench.metrics.auc import AUC
from safebench.metrics.metric import Metric
from safebench.protocol import ORIGINAL
from safebench.results.claims import Claims
from safebench.results.head_to_head import head_to_head
from safebench.results.reporting import paper_table
from safebench.results.results import Results as StoredResults
from safebench.results.summary import as_html, summary
from safebench.runs.record import RunRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PlotKind = Literal["bins", "robustness", "assembly"]
_FIRST = ("dataset", "photo_name", "photo", "bin", "sample", "inpainter", "control", "assembly", "postprocess")
"""The columns by which people find a row."""
_LAST = (
    *("key", "sample_key", "inpainter_id", "postprocess_id", "detector_id", "lpips_net"),
    *("composite_sha256", "picture_sha256"),
)
"""Those that only a programme reads."""
_OF_HOLES = ("bin", "sample", "inpainter", "control", "assembly", "inpainter_id")
"""Those of pictures with a hole, which untouched photos have none of."""


class Results:
    """What a run found, for its plan and the latest identity of each model, as it was when opened.

    Every column of every table is told in docs/columns.md.  Paths in the tables are relative to `folder`.
    """

    def __init__(self, stored: StoredResults) -> None:
        self.stored = stored
        """The rows as they are stored, for code that builds on the engine."""

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.stored.folder

    @property
    def name(self) -> str:
        """The run's name: its folder's."""
        return self.stored.name

    @property
    def record(self) -> RunRecord:
        """What run.json says: options, versions, models with their cards and weights."""
        return self.stored.record

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What was measured, in the catalogue's order."""
        return self.stored.metrics

    # tables ---------------------------------------------------------------------------------------------------------

    @property
    def samples(self) -> pd.DataFrame:
        """The plan: one row for each photo and bin."""
        return self.stored.samples

    @cached_property
    def quality(self) -> pd.DataFrame:
        """One row for each sample, inpainter and assembly: how near the picture is to the photo.

        The column `control` marks inpainters whose answer is known (`copy`, `noise`); LPIPS is absent where no backbone
        was at hand.
        """
        return self._readable(self.stored.quality)

    @cached_property
    def detection(self) -> pd.DataFrame:
        """One row for each sample, inpainter, assembly, post-processing and detector: what was found.

        Untouched photos are not among them: they stand in `originals`.
        """
        rows = self.stored.detection
        return self._readable(rows[rows["inpainter"] != ORIGINAL])

    @cached_property
    def originals(self) -> pd.DataFrame:
        """One row for each untouched photo, post-processing and detector: the false alarms come from these."""
        rows = self.stored.detection
        located = [metric.column for metric in self.metrics if "hole" in metric.needs]
        readable = self._readable(rows[rows["inpainter"] == ORIGINAL])
        return readable.drop(columns=[*_OF_HOLES, *located], errors="ignore")

    @property
    def quality_cells(self) -> pd.DataFrame:
        """Means with 95% intervals for each dataset, inpainter, assembly and bin, and over all bins (`all`)."""
        return self.stored.quality_cells

    @property
    def detection_cells(self) -> pd.DataFrame:
        """Means with 95% intervals for each dataset, inpainter, assembly, post-processing, detector and bin."""
        return self.stored.detection_cells

    @property
    def false_alarms(self) -> pd.DataFrame:
        """What each detector says of untouched photos, under each post-processing."""
        return self.stored.false_alarms

    @property
    def failures(self) -> pd.DataFrame:
        """One row for each thing that failed, with its error and the step that it failed in."""
        return self.stored.failures

    def _readable(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Stored rows with the photo's file name and whether the inpainter is a control; what people look for first."""
        named = dict(zip(self.samples["photo"], self.samples["photo_name"], strict=True))
        claims = Claims(self.stored)
        controls = [name for name in self.record.inpainters if claims.is_control(name)]
        rows = rows.assign(
            photo_name=rows["photo"].map(named).fillna(""),
            control=rows["inpainter"].isin(controls),
        )
        between = [name for name in rows if name not in (*_FIRST, *_LAST)]
        between.sort(key=lambda name: rows[name].dtype != float)  # figures before the files that they are of
        order = [*_FIRST, *between, *_LAST]
        return rows[[name for name in order if name in rows]].reset_index(drop=True)

    # what is done with them -----------------------------------------------------------------------------------------

    def compare(self, a: str, b: str, metric: str | None = None) -> pd.DataFrame:
        """Two inpainters, or two detectors, head to head on the same images: paired differences a - b.

        metric: the key of one that has a value for each picture; None: those that the leaderboard's head to head shows.
        Inpainters meet before each detector, and in quality; detectors on the images of each inpainter, and on those of
        all together that every detector saw in full.  One row for each metric, dataset, assembly, post-processing,
        opponent and bin: n (images that both have), photos, left_out, mean_a, mean_b, difference, low and high (95%
        interval, bootstrap over photos), p (two-sided sign flips of photos), smallest_p (what p could be at least),
        inverted (one of the two points at the background, so that less is not better).  See docs/protocol.md, 6.
        Raises UnknownNameError for a name that is no model of the run, ConfigError for two that cannot be compared and
        for a metric that they cannot be compared by.
        """
        return head_to_head(self.stored, a, b, metric)

    def plot(self, kind: PlotKind = "bins", metric: str = AUC.key) -> Figure:
        """A figure by matplotlib (`pip install 'safebench[plot]'`), with 95% intervals; save it by `.savefig(FILE)`.

        kind: `bins`: a panel for each detector, a line for each inpainter, along the holes' size (quality: one panel);
        `robustness`: a panel for each post-processing, a line for each detector, from mild to strong; `assembly`: a
        line for each detector, from spliced to regenerated pictures.  The last two are over the images of all
        inpainters that every detector saw in full; no figure mixes conditions.  metric: its key; dotted is chance.
        Raises PluginError where matplotlib is absent, ConfigError for another kind and where there is nothing to draw,
        UnknownNameError for a metric that the run has no figure of.
        """
        try:
            from safebench.results.plots import plot  # slow to import, and matplotlib is an extra
        except ModuleNotFoundError as error:
            raise PluginError(f"figures need matplotlib ({error}): pip install 'safebench[plot]'") from None
        return plot(self.stored, kind, metric)

    def to_latex(self, path: str | Path | None = None, metrics: Sequence[str] = (AUC.key,)) -> str:
        r"""The paper's table in LaTeX: inpainters in rows, detectors and bins in columns, one table a metric.

        Best is seen from the inpainter: bold, and the second underlined, as docs/protocol.md, 10 allows to rank; a dash
        where there is no figure.  The text compiles by itself, and can be \input where booktabs and graphicx are
        loaded.
        path: a file that it is written to as well.  metrics: their keys; of quality, columns are bins alone.
        Raises UnknownNameError for a metric that the run has no figure of, FileError where the file cannot be written.
        """
        text = paper_table([self.stored], [metrics] if isinstance(metrics, str) else metrics)
        if path is not None:
            with file_errors(place := expanded(path)):
                atomic_write(place, text.encode())
        return text

    def __repr__(self) -> str:
        lines = summary(self.stored)
        width = max(map(len, lines))
        return "\n".join(f"{name:{width}}  {text}" for name, text in lines.items())

    def _repr_html_(self) -> str:
        tables = ("quality", "detection", "originals", "quality_cells", "detection_cells", "false_alarms", "failures")
        named = ", ".join(f".{name}" for name in tables)
        footer = f"Tables: {named}. Two models: .compare(a, b). A figure: .plot(). A paper's table: .to_latex()."
        return as_html("SafeBench", summary(self.stored), footer)


def open_run(folder: str | Path) -> Results:
    """Open the results in a run's folder; raises StoreError where it is none, ConfigError for what is no path."""
    return Results(StoredResults(expanded(folder)))
