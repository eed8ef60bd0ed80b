"""Takes local paths out of what is shown or published: a folder's name says who worked where, and no figure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import pandas as pd

S = TypeVar("S", bound=msgspec.Struct)

_ADDRESS = r"(?<![a-z])(?!file:)[a-z][a-z0-9+.-]*://\S+"
_ROOT = r"(?<![\w./\\~-])(?:file://)?(?:~|\.{1,2}|[a-z]:)?(?=[/\\])"
_PART = r"[^\s/\\:;,'\"<>|()]+"
_PATH = re.compile(
    rf"(?P<address>{_ADDRESS})|(?P<path>{_ROOT}(?:[/\\]{_PART}(?: {_PART}(?=[/\\]))*)+[/\\]?)", re.IGNORECASE
)
"""An address of the web (kept), or a path that begins at a root, a home, a drive or a dot: its last part is kept."""
_WHOLE = re.compile(rf"{_ROOT}[/\\][^:;,'\"<>|]*", re.IGNORECASE)
"""A text that is a path and nothing else, and so may hold spaces."""


def without_paths(text: str) -> str:
    """The text with each local path cut to its last part: `/home/me/photos/a.png` becomes `a.png`."""
    if "/" not in text and "\\" not in text:
        return text
    if _WHOLE.fullmatch(text):
        return _last_part(text)
    return _PATH.sub(lambda found: found["address"] or _last_part(found["path"]), text)


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1] or path


def cleaned(value: Any) -> Any:
    """The same for all that a value holds, names included; keys that then are one keep the last."""
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [cleaned(item) for item in value]
    return value


def cleaned_struct(value: S) -> S:
    """The same for what run.json says, or a part of it."""
    return msgspec.convert(cleaned(msgspec.to_builtins(value)), type(value))


def cleaned_columns(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The same for columns of text; each distinct value is looked at once."""
    changed = {}
    for column in columns:
        if column in frame:
            names = {name: without_paths(name) for name in frame[column].dropna().unique()}
            if any(name != clean for name, clean in names.items()):
                changed[column] = frame[column].map(names)
    return frame.assign(**changed) if changed else frame
