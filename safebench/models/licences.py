"""Which non-commercial licences the user has agreed to."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safebench.files import atomic_write, cache_folder
from safebench.keys import plain
from safebench.models.registry import Entry

VARIABLE = "SAFEBENCH_ACCEPT_LICENCE"
"""Names of models, separated by commas, whose terms are agreed to: for machines at which nobody sits."""


def terms(entry: Entry) -> str:
    """The terms of a model's weights, in a few words, and where to read them."""
    url = entry.card.licence.terms_url
    return f"{in_short(entry)} ({url})" if url else in_short(entry)


def in_short(entry: Entry) -> str:
    """The same without the address; weights of which the card says nothing stand under the code's licence."""
    licence = entry.card.licence
    said = licence.weights or licence.code
    return f"{said}, for non-commercial use only" if licence.non_commercial else said


def accepted(entry: Entry) -> bool:
    """Whether the weights of a model may be fetched: their terms are free, or the user agreed to them."""
    if not entry.card.licence.non_commercial:
        return True
    named = {plain(name) for name in os.environ.get(VARIABLE, "").split(",")}
    spelled = {plain(name) for name in (entry.name, *entry.card.aliases)}
    return bool(named & spelled) or _remembered().get(_key(entry)) == terms(entry)


def accept(entry: Entry) -> None:
    """Remember that the user agreed to the terms as the card states them now; changed terms are asked for anew."""
    agreed = {**_remembered(), _key(entry): terms(entry)}
    atomic_write(_file(), json.dumps(agreed, indent=2, sort_keys=True).encode())


def _key(entry: Entry) -> str:
    return f"{entry.kind}/{entry.name}"


def _file() -> Path:
    return cache_folder() / "accepted-licences.json"


def _remembered() -> dict[str, str]:
    try:
        return dict(json.loads(_file().read_text()))
    except (OSError, ValueError, TypeError):
        return {}
