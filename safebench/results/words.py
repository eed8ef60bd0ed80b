"""Figures as people read them, at the terminal and in reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

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


def interval(found: Figure, digits: int = 3) -> str:
    """`[0.580, 0.640]`; "" where there is none."""
    if math.isnan(found.low) or math.isnan(found.high):
        return ""
    return f"[{number(found.low, digits)}, {number(found.high, digits)}]"


def told(found: Figure, digits: int = 3, unit: str = "") -> str:
    """A figure in running text: `0.612 [0.580, 0.640]`."""
    return " ".join(part for part in (number(found.value, digits), unit, interval(found, digits)) if part)


def percent(found: Figure) -> str:
    """A share in running text: `12% [5%, 21%]`."""
    digits = 1 if 0 < found.value < 0.01 or 0.99 < found.value < 1 else 0  # so that 0% is none, and 100% all
    ends = interval(Figure(0, 100 * found.low, 100 * found.high), digits)
    whole = "" if math.isnan(found.value) else "%"
    return f"{number(100 * found.value, digits)}{whole}" + (f" {ends[:-1].replace(',', '%,')}%]" if ends else "")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 photo`, `24 photos`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
