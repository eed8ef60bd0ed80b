"""The paper's shape: inpainters in rows, detectors and the holes' sizes in columns, one table a metric.

Seen from the inpainter, whom the paper's tables rank: least found is best.  Who is best and second is what the ranked
lists say of each detector and bin, so that nothing is marked here that is not ranked there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safebench.errors import UnknownNameError
from safebench.keys import slug
from safebench.metrics.metric import Metric
from safebench.protocol import SPLICED
from safebench.results.comparing import Group
from safebench.runs.provenance import caveats

from .cells import COUNTED, Cell, Row
from .entries import STRONGEST
from .papers import marked
from .runs import NO_POSTPROCESS, Run
from .standings import Standings, part
from .words import ALL_BINS, MISSING, bin_name, bin_place


@dataclass(frozen=True)
class ShapedTable:
    """One metric of one data set.

    groups: detectors, "" for quality, which has none; bins: of each group, as they are shown.
    lines: each inpainter and its cells, group by group and bin by bin, None where there is no figure; controls last.
    controls: how many of the lines are controls.
    """

    name: str
    caption: str
    groups: list[str]
    bins: list[str]
    lines: list[tuple[str, list[Cell | None]]]
    controls: int


def shaped(tables: Sequence[tuple[Group, Run]], keys: Sequence[str]) -> list[ShapedTable]:
    """The tables of these metrics, for each group of like runs and each data set.

    Raises UnknownNameError for a metric that no inpainter has a figure of here.
    """
    shapers = [_Shaper(like, run, Standings(run)) for like, run in tables]
    return [table for shaper in shapers for key in keys for table in shaper.of_metric(key)]


@dataclass(frozen=True)
class _Shaper:
    """Makes the tables of one group of like runs, under the one condition that is spoken of."""

    like: Group
    run: Run
    standings: Standings

    def of_metric(self, key: str) -> Iterator[ShapedTable]:
        """One table for each data set that has such figures."""
        known = {m.key: m for m in (*self.standings.detection, *self.standings.quality)}
        if key not in known:
            raise UnknownNameError(f"'{key}' is no metric of these inpainters; there are {', '.join(known)}")
        for dataset, _ in self.standings.inpainters.facets["dataset"]:
            opponents = self._opponents(known[key])
            postprocess = MISSING if opponents == [MISSING] else self.run.claims.place(dataset)[1]
            condition = {"dataset": dataset, "assembly": self.run.assembly, "postprocess": postprocess}
            rows = [row for name in opponents for row in part(self.standings.inpainters, **condition, detector=name)]
            if rows:
                yield self._table(known[key], condition, rows, opponents)

    def _opponents(self, metric: Metric) -> list[str]:
        """The detectors that are columns; quality has none, and takes the list that is read first."""
        if metric.subject == "quality":
            return [STRONGEST if self.standings.detection else MISSING]
        names = [name for name, _ in self.standings.inpainters.facets["detector"] if name != STRONGEST]
        return sorted(names, key=self.run.detector_place)

    def _table(
        self, metric: Metric, condition: dict[str, str], rows: Sequence[Row], opponents: Sequence[str]
    ) -> ShapedTable:
        place = self._column(metric.key)
        held = {row.facets["bin"] for row in rows}
        bins = sorted(held - {ALL_BINS} or held, key=bin_place)
        cells = {tuple(row.facets[key] for key in ("inpainter", "detector", "bin")): row.cells[place] for row in rows}
        names = sorted({row.facets["inpainter"] for row in rows}, key=self.run.inpainter_place)
        shown = [row for row in rows if row.facets["bin"] in bins]
        return ShapedTable(
            name=slug(f"{self.run.label}-{condition['dataset']}-{metric.key}", 120).lower(),
            caption=f"{self._caption(metric, condition, shown)} {caveats(self.run.record)}".rstrip(),
            groups=["" if name in (STRONGEST, MISSING) else name for name in opponents],
            bins=[bin_name(name) for name in bins],
            lines=[(name, [cells.get((name, opponent, b)) for opponent in opponents for b in bins]) for name in names],
            controls=sum(self.run.is_control(name) for name in names),
        )

    def _column(self, key: str) -> int:
        return [column.key for column in self.standings.inpainters.columns].index(key)

    def _caption(self, metric: Metric, condition: dict[str, str], rows: Sequence[Row]) -> str:
        how = [] if condition["assembly"] == SPLICED else [f"{condition['assembly']} pictures"]
        how += [] if condition["postprocess"] in (NO_POSTPROCESS, MISSING) else [f"after {condition['postprocess']}"]
        counts = sorted({int(row.cells[self._column(COUNTED.key)].order) for row in rows})
        n = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
        inverted = any(row.cells[self._column(metric.key)].inverted for row in rows)
        terms = self.like.terms.labels
        return (
            f"{metric.label} of inpainters by the size of the hole: {', '.join([condition['dataset'], *how])}. "
            f"{_best(metric)}; {marked('inpainter', list(rows))}. Below each figure its 95% interval over photos; "
            f"n = {n}. {'Inverted: the detector points at the background. ' if inverted else ''}"
            f"Protocol {terms['protocol']}; photos {terms['photos']}; masks {terms['masks']}; "
            f"{terms['size']}; LPIPS {terms['LPIPS backbone']}."
        )


def _best(metric: Metric) -> str:
    """What is best, seen from the inpainter."""
    if metric.chance is not None:
        return f"Best is what lies nearest to chance ({metric.chance:g})"
    return {"low": "Lower is better", "high": "Higher is better", "": "Neither way is better"}[metric.better]
