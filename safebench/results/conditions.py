"""Conditions, under which detectors saw pictures, in the order in which people read them: from mild to strong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from safebench.errors import UnknownNameError
from safebench.models import registry
from safebench.protocol import NO_POSTPROCESS

_LEVEL = re.compile(r"(?P<name>[^:+]+):(?P<level>\d+(?:\.\d+)?)(?P<rest>(?:\+[^:+]+)*)")
"""One step with a number, and words that go with it: `jpeg:75`, `resize:0.5+back`."""


def in_order(labels: Iterable[str]) -> list[str]:
    """`none` first, then each post-processing's levels from mild to strong, then chains of several."""
    return sorted(set(labels), key=_place)


def curves(labels: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """By post-processing, its conditions from `none` on, each with the level that it is shown as.

    Only those that have a level; where nothing was seen without post-processing, only those with two.
    """
    known = in_order(labels)
    plain = [(label, label) for label in known if label == NO_POSTPROCESS]
    by_family: dict[str, list[tuple[str, str]]] = {}
    for label in known:
        if match := _LEVEL.fullmatch(label):
            by_family.setdefault(match["name"] + match["rest"], list(plain)).append((label, match["level"]))
    return {name: levels for name, levels in by_family.items() if len(levels) > 1}


def _place(label: str) -> tuple[int, str, float, str]:
    match = _LEVEL.fullmatch(label)
    if not match:
        return (0 if label == NO_POSTPROCESS else 2, "", 0.0, label)
    level = float(match["level"])
    return 1, match["name"] + match["rest"], -level if _milder(match["name"]) == "higher" else level, label


@cache
def _milder(name: str) -> str:
    """Which levels of a post-processing are milder, by its card; of one that is not installed here, the lower ones."""
    try:
        entry, _ = registry.find("postprocessing", name)
    except UnknownNameError:
        return "lower"
    return entry.card.parameter.milder if entry.card.parameter else "lower"
