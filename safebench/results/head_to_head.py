"""Two models of a run head to head: every metric that is compared image by image, on the images that both have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import pandas as pd

from safebench.errors import ConfigError, UnknownNameError
from safebench.metrics.metric import Metric
from safebench.protocol import ORIGINAL
from safebench.results.claims import Claims
from safebench.results.paired import Kind, compare_models
from safebench.results.pooling import pooled_rows
from safebench.results.results import Tables
from safebench.results.tables import CHANCE_LOW

_KEYS = ["metric", "dataset", "assembly", "postprocess"]


def head_to_head(tables: Tables, a: str, b: str, metric: str | None = None) -> pd.DataFrame:
    """Two inpainters, or two detectors, on the same images: see `safebench.Results.compare`."""
    kind = _kind(tables, a, b)
    parts = [
        _compared(part, of, a, b, kind) for part in tables.by_assembly().values() for of in _metrics(part, kind, metric)
    ]
    opponent = "detector" if kind == "inpainter" else "inpainter"
    parts = [part for part in parts if len(part)]
    if not parts:
        raise ConfigError(f"'{a}' and '{b}' have no image in this run of which both have a figure")
    found = pd.concat(parts, ignore_index=True)
    texts = [*_KEYS[1:], opponent]
    found = found.reindex(columns=list(dict.fromkeys([*_KEYS, opponent, *found.columns])))
    return found.assign(**{name: found[name].fillna("") for name in texts})


def _compared(part: Tables, metric: Metric, a: str, b: str, kind: Kind) -> pd.DataFrame:
    """One metric of one assembly; detectors meet once more on the images of all inpainters that each saw in full."""
    rows = part.quality if metric.subject == "quality" else part.detection
    rows = rows[rows["inpainter"] != ORIGINAL]
    if kind == "detector":
        pooled = pooled_rows(rows, Claims(part).seen_in_full)
        rows = pd.concat([pooled.assign(of=rows["inpainter"]), rows.assign(of="")], ignore_index=True)
    if not {a, b} <= set(rows[kind]):
        return pd.DataFrame()
    found = compare_models(rows, a, b, metric.column, kind)
    inverted = False if metric.chance is None else found[["mean_a", "mean_b"]].min(axis=1) < CHANCE_LOW
    return found[found["n"] > 0].assign(metric=metric.key, inverted=inverted)


def _metrics(tables: Tables, kind: Kind, key: str | None) -> Sequence[Metric]:
    """The metric named, or those that head to head shows; of a single picture, and with a value in these tables."""
    known = [
        metric
        for metric in tables.metrics
        if metric.level == "picture"
        and metric.over == "inpainted"
        and (kind == "inpainter" or metric.subject != "quality")
        and _has_value(tables, metric)
    ]
    if key is None:
        return [metric for metric in known if "head to head" in metric.shown]
    if named := [metric for metric in known if metric.key == key]:
        return named
    raise ConfigError(
        f"'{key}' is no metric that {kind}s are compared by, image by image; there are "
        f"{', '.join(metric.key for metric in known) or 'none in this run'}"
    )


def _has_value(tables: Tables, metric: Metric) -> bool:
    rows = tables.quality if metric.subject == "quality" else tables.detection
    return metric.column in rows and bool(rows[metric.column].notna().any())


def _kind(tables: Tables, a: str, b: str) -> Kind:
    """Which kind both are; raises a sentence where they are of none, of two, or one and the same."""
    names: dict[Kind, list[str]] = {
        "inpainter": list(tables.record.inpainters),
        "detector": list(tables.record.detectors),
    }
    if a == b:
        raise ConfigError(f"'{a}' is compared with itself; name another model beside it")
    for kind, known in names.items():
        if a in known and b in known:
            return kind
    everybody = [name for known in names.values() for name in known]
    for name in (a, b):
        if name not in everybody:
            raise UnknownNameError(f"no model of this run is called '{name}'; {_hint(str(name), everybody)}")
    raise ConfigError(f"'{a}' and '{b}' are an inpainter and a detector: two of one kind are compared")


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
