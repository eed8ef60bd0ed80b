"""Figures and names as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from safebench.results.tables import ALL_BINS
from safebench.results.verdict import Name, Verdict
from safebench.results.words import (
    MISSING,
    Figure,
    bin_name,
    bin_place,
    figure,
    interval,
    number,
    percent,
    plural,
    told,
)

__all__ = [
    "ALL_BINS", "MISSING", "Figure", "bin_name", "bin_place", "figure", "interval", "listed", "moment", "number",
    "percent", "plural", "said", "told", "web_address",
]  # fmt: skip


def said(verdict: Verdict) -> Markup:
    """A verdict as markup: the names that it is about in bold, every part escaped."""
    strong = Markup("<strong>{}</strong>")
    sentences = (
        escape(sentence.template).format(*(strong.format(p) if isinstance(p, Name) else p for p in sentence.parts))
        for sentence in verdict
    )
    return Markup(" ").join(sentences)


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
