"""The one list of metrics; a third party's are found by entry point (group `safebench.metrics`)."""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from safebench.errors import PluginError, UnknownNameError
from safebench.metrics.evidence import CompositeEvidence, MapEvidence
from safebench.metrics.feature import Feature, Network
from safebench.metrics.metric import Metric

LISTED = (
    "psnr:PSNR",
    "ssim:SSIM",
    "lpips:LPIPS",
    "l1:L1",
    "psnr:PSNR_HOLE",
    "l1:L1_HOLE",
    "lpips_hole:LPIPS_HOLE",
    "st_lpips:ST_LPIPS",
    "fid:FID",
    "ids:P_IDS",
    "ids:U_IDS",
    "known_changed:KNOWN_CHANGED",
    "domain_gap:COOCCURRENCE",
    "domain_gap:RESIDUAL",
    "domain_gap:MMD",
    "auc:AUC",
    "f1:F1",
    "f1_best:F1_BEST",
    "iou:IOU",
    "mcc:MCC",
    "pixel_acc:PIXEL_ACC",
    "ap:AP",
    "f1_trufor:F1_TRUFOR",
    "f1_trufor:F1_TRUFOR_BEST",
    "auc_pooled:AUC_POOLED",
    "score:SCORE",
    "detection_rate:DETECTION_RATE",
    "image_auc:IMAGE_AUC",
    "detection_rate_at_5:DETECTION_RATE_AT_5",
    "threshold_from_k:THRESHOLD_FROM_K",
    "ece:ECE",
    "detection_rate:FALSE_ALARM_RATE",
    "detection_rate_at_5:THRESHOLD_AT_5",
    "flagged_area:FLAGGED_AREA",
)
"""SafeBench's own, `MODULE:OBJECT`, in the order in which tables hold them."""
BUILT_IN: tuple[Metric, ...] = tuple(
    getattr(import_module(f"safebench.metrics.{module}"), name)
    for module, _, name in (entry.partition(":") for entry in LISTED)
)
DEFAULT: tuple[Metric, ...] = tuple(metric for metric in BUILT_IN if metric.default)
"""What every run measures."""
GROUP = "safebench.metrics"
ALL = "all"


@cache
def catalogue() -> Mapping[str, Metric]:
    """All metrics by key: SafeBench's own, then those of installed packages; a broken one is skipped with a warning."""
    metrics = {metric.key: metric for metric in BUILT_IN}
    columns = {metric.column for metric in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            metric = _load(point)
        except Exception as error:  # a third party's module may raise anything
            warnings.warn(f"metrics: '{point.name}' ({point.value}) is skipped: {error}", stacklevel=2)
            continue
        if metric.key in metrics or metric.column in columns:
            warnings.warn(f"metrics: '{point.name}' ({point.value}) is skipped: its key is taken", stacklevel=2)
            continue
        metrics[metric.key] = metric
        columns.add(metric.column)
    return metrics


def chosen(names: Iterable[str]) -> tuple[Metric, ...]:
    """The default set and the metrics named beside it, in the catalogue's order; `all` names every one.

    Raises UnknownNameError, with the nearest keys, for a name that no metric has.
    """
    wanted = set(names)
    if not wanted:  # so that a plain run asks no package for its metrics
        return DEFAULT
    known = catalogue()
    for name in sorted(wanted - {ALL} - set(known)):
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise UnknownNameError(f"--metrics: no metric is called '{name}'; {hint} (safebench list metrics)")
    return tuple(m for m in known.values() if m in DEFAULT or ALL in wanted or m.key in wanted)


def measured(names: Iterable[str]) -> tuple[Metric, ...]:
    """The metrics of a run that names these beside the default set; one that is not installed here is left out."""
    wanted = set(names)
    return chosen(wanted & set(catalogue())) if wanted else DEFAULT


def stored(metrics: Sequence[Metric], *, quality: bool) -> dict[str, Metric]:
    """The metrics with a value for each picture, by stored column: of composites, or of what detectors say of them."""
    of_pictures = (m for m in metrics if m.level == "picture" and (m.subject == "quality") == quality)
    by_column: dict[str, Metric] = {}
    for metric in of_pictures:
        by_column.setdefault(metric.column, metric)
    return by_column


def measure(metrics: Iterable[Metric], evidence: CompositeEvidence | MapEvidence) -> dict[str, float]:
    """The value of each metric by its stored column; NaN where what it needs is not at hand."""
    return {m.column: float(m.compute(evidence)) if m.needs <= evidence.held else math.nan for m in metrics}


def features(metrics: Iterable[Metric], of: str) -> dict[str, Feature]:
    """What pictures have to leave behind for these metrics, by name: of composites, or of maps."""
    return {m.feature.name: m.feature for m in metrics if m.feature and m.feature.of == of}


def networks(metrics: Iterable[Metric]) -> dict[str, Network]:
    """The networks that these metrics and their features need, by name; LPIPS' is the run's choice, and not here."""
    wanted = [m.network for m in metrics] + [m.feature.network for m in metrics if m.feature]
    return {network.name: network for network in wanted if network}


def _load(point: EntryPoint) -> Metric:
    loaded = point.load()
    if not isinstance(loaded, Metric):
        raise PluginError("it is no safebench.metrics.metric.Metric")
    if loaded.default:
        raise PluginError("only SafeBench's own metrics are of the default set; leave `default` out")
    return loaded
