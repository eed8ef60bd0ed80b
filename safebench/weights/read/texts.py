"""Texts that a file holds, in the sentences about it."""

from __future__ import annotations


def shorten(text: str, limit: int = 80) -> str:
    """A text of the file, fit to be shown: printable and not too long."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:limit])
    return shown + "…" * (len(text) > limit)
