"""Failures in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def most_frequent(errors: Iterable[str]) -> tuple[str, int]:
    """The cause that the most of `errors` have in common, as it was told first, and how many have it.

    `a.jpg: its pixels end early` and `b.jpg: its pixels end early` are one cause.  ("", 0) where there is none.
    """
    messages = list(errors)
    causes = Counter(map(_cause, messages))
    if not causes:
        return "", 0
    cause, count = causes.most_common(1)[0]
    return next(error for error in messages if _cause(error) == cause), count


def in_words(errors: Iterable[str]) -> str:
    """`most often (2 times): ...`, or the one cause that all have."""
    messages = list(errors)
    example, count = most_frequent(messages)
    return f"most often ({count} {'times' if count > 1 else 'time'}): {example}" if count < len(messages) else example


def _cause(error: str) -> str:
    """An error without the file or the type that it begins with."""
    _, colon, rest = error.partition(": ")
    return rest if colon else error
