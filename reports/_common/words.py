"""Figures and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from markupsafe import Markup

MISSING = "–"
ALL_BINS = "all"


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
    ends = interval(Figure(0, 100 * found.low, 100 * found.high), 0)
    whole = "" if math.isnan(found.value) else "%"
    return f"{number(100 * found.value, 0)}{whole}" + (f" {ends[:-1].replace(',', '%,')}%]" if ends else "")


def bin_name(name: str) -> str:
    """A bin as people read it: `10–20%`, `all bins`."""
    return "all bins" if name == ALL_BINS else f"{name.replace('-', '–')}%"


def bin_place(name: str) -> int:
    """Where a bin stands: all bins together first, then by size."""
    head = name.partition("-")[0]
    return int(head) + 1 if head.isdigit() else 0


def plural(count: int, one: str, many: str = "") -> str:
    """`1 photo`, `24 photos`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(parts: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`; markup stays markup, and text is escaped beside it."""
    names = list(parts)
    if len(names) < 2:
        return names[0] if names else ""
    safe = isinstance(names[0], Markup)
    comma, last = (Markup(", "), Markup(" and ")) if safe else (", ", " and ")
    return comma.join(names[:-1]) + last + names[-1]


def moment(value: object) -> str:
    """A time of run.json to the minute, UTC; "" where it is none."""
    try:
        return datetime.fromisoformat(str(value)).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return ""


def web_address(text: object) -> str:
    """The address where it is one of the web (http, https); "" for anything else, so that no card runs a script."""
    if not isinstance(text, str):
        return ""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return ""
    return text.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
