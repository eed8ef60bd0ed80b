"""Figures as people read them, at the terminal and in reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from safebench.results.cells import ALL_BINS

MISSING = "–"


class Figure(NamedTuple):
    """A mean with its 95% interval; the ends are NaN where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan


def figure(record: Mapping[str, Any], key: str) -> Figure | None:
    """The figure `key` of a row of a table; None where the table has no such column."""
    if key not in record:
        return None
    return Figure(*(_number(record.get(name)) for name in (key, f"{key}_low", f"{key}_high")))


def number(value: float, digits: int = 3) -> str:
    """A number with a real minus sign; a dash where it is missing."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def interval(figure: Figure, digits: int = 3) -> str:
    """`[0.580, 0.640]`; "" where there is none."""
    if math.isnan(figure.low) or math.isnan(figure.high):
        return ""
    return f"[{number(figure.low, digits)}, {number(figure.high, digits)}]"


def told(figure: Figure, digits: int = 3, unit: str = "") -> str:
    """A figure in running text: `0.612 [0.580, 0.640]`."""
    return " ".join(part for part in (number(figure.value, digits), unit, interval(figure, digits)) if part)


def percent(figure: Figure) -> str:
    """A share in running text: `12% [5%, 21%]`."""
    digits = 1 if 0 < figure.value < 0.01 or 0.99 < figure.value < 1 else 0  # so that 0% is none, and 100% all
    ends = interval(Figure(0, 100 * figure.low, 100 * figure.high), digits)
    whole = "" if math.isnan(figure.value) else "%"
    return f"{number(100 * figure.value, digits)}{whole}" + (f" {ends[:-1].replace(',', '%,')}%]" if ends else "")


def plural(count: int, singular: str, plural_form: str = "") -> str:
    """`1 photo`, `24 photos`."""
    return f"{count:,} {singular if count == 1 else plural_form or singular + 's'}"


def bin_name(name: str) -> str:
    """A bin as people read it: `10–20%`, `all bins`."""
    if name == ALL_BINS:
        return "all bins"
    return f"{name.replace('-', '–')}%" if name[-1:].isdigit() else name


def bin_place(name: str) -> int:
    """Where a bin stands: all bins together first, then by size; the kind of mask before it (`bbox 10-20`) is none."""
    head = name.rpartition(" ")[2].partition("-")[0]
    return int(head) + 1 if head.isdigit() else 0


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
