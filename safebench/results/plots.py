"""Figures of a run by matplotlib (`pip install 'safebench[plot]'`); imported where a figure is asked for."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from safebench.errors import ConfigError, UnknownNameError
from safebench.metrics.metric import Metric
from safebench.protocol import NO_POSTPROCESS, REGENERATED, SPLICED
from safebench.results.claims import Claims
from safebench.results.conditions import curves
from safebench.results.pooling import POOLED, pooled_rows
from safebench.results.results import Tables
from safebench.results.tables import ALL_BINS, detection_cells
from safebench.results.words import bin_name, bin_place, figure, plural

Record = dict[str, Any]
_MARKERS = "osD^vPX<>*+"
_DASHES = ("-", (0, (5, 2)), (0, (7, 2, 1.5, 2)), (0, (12, 3)), (0, (2, 1)))
"""With the eleven markers they tell 55 lines apart where a figure is printed without colour."""
_WIDE, _HIGH, _ABREAST = 4.0, 3.2, 3
"""Inches of a panel, and how many stand side by side."""


class RunFigure(Figure):
    """A figure that a notebook shows by itself, without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


@dataclass(frozen=True)
class Line:
    """One model's figures along the axis: by tick, the row that holds the figure; muted: a control."""

    name: str
    rows: dict[str, Record]
    muted: bool = False


@dataclass(frozen=True)
class Panel:
    """One set of axes: its ticks (key and label), and its lines."""

    title: str
    ticks: list[tuple[str, str]]
    lines: list[Line] = field(default_factory=list)


def plot(tables: Tables, kind: str, metric: str) -> Figure:
    """See `safebench.Results.plot`."""
    kinds = {"bins": _bins, "robustness": _robustness, "assembly": _assembly}
    if kind not in kinds:
        raise ConfigError(f"plot('{kind}'): there are {', '.join(kinds)}")
    drawn = _metric(tables, metric, quality=kind == "bins")
    axis, panels = kinds[kind](tables, drawn)
    return _figure(panels, drawn, axis)


def _metric(tables: Tables, key: str, quality: bool) -> Metric:
    """The metric of that key; `quality`: those of quality may be drawn too."""
    held = {*tables.detection_cells, *(tables.quality_cells if quality else ())}
    known = {m.key: m for m in tables.metrics if m.over == "inpainted" and m.key in held}
    if key not in known:
        raise UnknownNameError(f"'{key}' is no metric that can be drawn here; there are {', '.join(known)}")
    return known[key]


def _bins(tables: Tables, metric: Metric) -> tuple[str, list[Panel]]:
    """A panel for each data set and detector (one for quality), a line for each inpainter, along the holes' size."""
    part = tables.of_one_assembly()
    claims = Claims(part)
    cells = _records(part.quality_cells if metric.subject == "quality" else part.detection_cells)
    conditions = {row["dataset"]: claims.place(row["dataset"])[1] for row in cells}
    cells = [row for row in cells if row.get("postprocess", conditions[row["dataset"]]) == conditions[row["dataset"]]]
    bins = sorted({row["bin"] for row in cells} - {ALL_BINS}, key=bin_place)
    if not bins:
        raise ConfigError("there is nothing to draw: this run has no figures by the holes' size")
    order = [name for name in tables.record.inpainters if not claims.is_control(name)]
    order += [name for name in tables.record.inpainters if claims.is_control(name)]
    detectors = list(tables.record.detectors) if metric.subject != "quality" else [""]
    panels = []
    for dataset, detector in product(conditions, detectors):
        own = [row for row in cells if (row["dataset"], row.get("detector", "")) == (dataset, detector)]
        lines = [
            Line(name, {row["bin"]: row for row in own if row["inpainter"] == name}, claims.is_control(name))
            for name in order
        ]
        panels.append(Panel(_title(cells, dataset, detector), [(name, bin_name(name)) for name in bins], lines))
    return f"size of the hole; {_condition(part, conditions.values())}", panels


def _robustness(tables: Tables, _: Metric) -> tuple[str, list[Panel]]:
    """A panel for each data set and post-processing, a line for each detector, from mild to strong."""
    part = tables.of_one_assembly()
    families = curves(part.detection["postprocess"])
    if not families:
        raise ConfigError(
            "there is no curve to draw: this run has no post-processing of several levels "
            "(safebench run --postprocess none,jpeg:90,jpeg:70 adds some)"
        )
    cells = _pooled(part, Claims(part).seen_in_full)
    panels = [
        Panel(
            _title(cells, dataset, family),
            levels,
            _by_detector(part, [row for row in cells if row["dataset"] == dataset], "postprocess"),
        )
        for dataset in dict.fromkeys(row["dataset"] for row in cells)
        for family, levels in families.items()
    ]
    return "level, from mild to strong\nimages of all inpainters that every detector saw in full", panels


def _assembly(tables: Tables, _: Metric) -> tuple[str, list[Panel]]:
    """A panel for each data set, a line for each detector, from spliced pictures to regenerated ones."""
    parts = tables.by_assembly()
    if not {SPLICED, REGENERATED} <= parts.keys():
        raise ConfigError(
            "there is nothing to set side by side: this run has no pictures both spliced and regenerated "
            "(safebench run --assembly spliced,regenerated makes them)"
        )
    both = [parts[SPLICED], parts[REGENERATED]]
    of_each = [Claims(part).seen_in_full for part in both]
    cells = [row for part in both for row in _pooled(part, [name for name in of_each[0] if name in of_each[1]])]
    conditions = {row["dataset"]: Claims(both[0]).place(row["dataset"])[1] for row in cells}
    cells = [row for row in cells if row["postprocess"] == conditions[row["dataset"]]]
    panels = [
        Panel(
            _title(cells, dataset, ""),
            [(SPLICED, SPLICED), (REGENERATED, REGENERATED)],
            _by_detector(tables, [row for row in cells if row["dataset"] == dataset], "assembly"),
        )
        for dataset in conditions
    ]
    return "images of all inpainters that every detector saw in full", panels


def _pooled(part: Tables, inpainters: Sequence[str]) -> list[Record]:
    """The cells of all bins over the images of these inpainters together."""
    if not inpainters:
        raise ConfigError("there is nothing to draw: no inpainter's images were seen in full by every detector")
    cells = _records(detection_cells(pooled_rows(part.detection, inpainters), part.metrics, part.features))
    return [row for row in cells if row["bin"] == ALL_BINS and row["inpainter"] == POOLED]


def _by_detector(tables: Tables, cells: Sequence[Record], tick: str) -> list[Line]:
    return [
        Line(name, {row[tick]: row for row in cells if row["detector"] == name}) for name in tables.record.detectors
    ]


def _title(cells: Sequence[Record], dataset: str, what: str) -> str:
    """What a panel is of; the data set is named where there are several."""
    several = len({row["dataset"] for row in cells}) > 1
    return " · ".join(part for part in (dataset if several else "", what) if part)


def _condition(part: Tables, postprocesses: Iterable[str]) -> str:
    after = [f"after {label}" for label in dict.fromkeys(postprocesses) if label != NO_POSTPROCESS]
    return ", ".join([f"{next(iter(part.by_assembly()))} pictures", *after])


# drawing ----------------------------------------------------------------------------------------------------------


def _figure(panels: Sequence[Panel], metric: Metric, axis: str) -> Figure:
    panels = [panel for panel in panels if any(_known(line, metric) for line in panel.lines)]
    if not panels:
        raise ConfigError(f"there is nothing to draw: no cell has a value of '{metric.key}'")
    across = min(len(panels), _ABREAST)
    down = math.ceil(len(panels) / across)
    drawn = RunFigure(figsize=(_WIDE * across + 1.6, _HIGH * down + 0.4), layout="constrained")
    axes = drawn.subplots(down, across, squeeze=False, sharey=True)
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines if _known(line, metric)))
    handles: dict[str, Any] = {}
    for place, panel in zip(axes.flat, panels, strict=False):
        handles |= _draw(place, panel, metric, names)
    for place in axes.flat[len(panels) :]:
        place.set_visible(False)
    legend = drawn.legend(list(handles.values()), [str(k) for k in range(len(handles))], loc="outside right upper")
    for text, name in zip(legend.get_texts(), handles, strict=True):
        text.set_text(_plain(name))  # said afterwards, since a name that begins with _ gets no entry
    photos = max(int(row["photos"]) for panel in panels for line in panel.lines for row in line.rows.values())
    told = f"{axis}\n95% intervals, over {plural(photos, 'photo')} at most"
    drawn.supxlabel(_plain(told), fontsize="small")
    drawn.supylabel(_plain(metric.label), fontsize="medium")
    return drawn


def _draw(place: Axes, panel: Panel, metric: Metric, names: Sequence[str]) -> dict[str, Any]:
    """The lines of a panel with their intervals, side by side at each tick; returns them for the legend."""
    handles = {}
    for line in panel.lines:
        if not _known(line, metric):
            continue
        k = names.index(line.name)
        xs, values, below, above = zip(*_points(line, panel, metric, (k - (len(names) - 1) / 2) * 0.06), strict=True)
        handles[line.name] = place.errorbar(
            xs,
            values,
            yerr=(below, above),
            color="0.6" if line.muted else f"C{k % 10}",
            marker=_MARKERS[k % len(_MARKERS)],
            fillstyle="none" if line.muted else "full",
            linestyle=_DASHES[k % len(_DASHES)],
            markersize=4,
            linewidth=1.2,
            capsize=2,
        )
    if metric.chance is not None:
        place.axhline(metric.chance, color="0.4", linewidth=0.8, linestyle=":")
    place.set_xlim(-0.5, len(panel.ticks) - 0.5)
    place.set_xticks(range(len(panel.ticks)), [_plain(label) for _, label in panel.ticks])
    place.set_title(_plain(panel.title), fontsize="medium")
    place.grid(axis="y", linewidth=0.4, alpha=0.5)
    return handles


def _points(line: Line, panel: Panel, metric: Metric, aside: float) -> Iterator[tuple[float, float, float, float]]:
    """Place, value, and how far the interval reaches below and above; no bar where there is none."""
    for k, (tick, _) in enumerate(panel.ticks):
        value = figure(line.rows.get(tick, {}), metric.key)
        if value is not None and math.isfinite(value.value):
            below, above = (
                0.0 if math.isnan(end) else max(0.0, end) for end in (value.value - value.low, value.high - value.value)
            )
            yield k + aside, value.value, below, above


def _known(line: Line, metric: Metric) -> bool:
    return any(math.isfinite(float(row.get(metric.key, math.nan))) for row in line.rows.values())


def _plain(words: str) -> str:
    """Words as they are: no name is a formula."""
    return words.replace("$", r"\$")


def _records(frame: Any) -> list[Record]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
