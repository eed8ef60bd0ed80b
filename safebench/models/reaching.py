"""Which addresses cards name for their weights, and whether these still answer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from safebench.errors import WeightsError
from safebench.models.cards import Weights
from safebench.models.registry import Entry
from safebench.weights.fetch import hub
from safebench.weights.fetch.downloads import OFFLINE, DownloadError
from safebench.weights.fetch.reaching import UnreachableError, check_answers


@dataclass
class Address:
    """A source without its member, or a page where a browser finds the files; and the models whose cards name it.

    size: of the file in bytes, 0 where the card does not say it.
    """

    text: str
    page: bool = False
    size: int = 0
    models: list[str] = field(default_factory=list)


def addresses(checkpoints: Iterable[tuple[Entry, Weights]], at_the_hub: Iterable[Entry] = ()) -> list[Address]:
    """Each address once, in the cards' order: of files, then the pages of whole models that cards name at the Hub.

    A page is there also where the files behind it are for those alone who agreed to its terms.

    Raises WeightsError where SAFEBENCH_OFFLINE forbids to open them.
    """
    if os.environ.get(OFFLINE):
        raise WeightsError(f"{OFFLINE} is set, so no address may be opened; unset it")
    known: dict[str, Address] = {}
    for entry, checkpoint in checkpoints:
        for file in checkpoint.files:
            for source in file.sources:
                base, _, member = source.partition("#")
                if not base.startswith("package:"):
                    _note(known, Address(base, size=0 if member else file.size), entry)
        if checkpoint.page.startswith(("https://", "http://")):
            _note(known, Address(checkpoint.page, page=True), entry)
    for entry in at_the_hub:
        for model in (entry.card.hub.model, *entry.card.hub.beside.values()):
            _note(known, Address(hub.page(model), page=True), entry)
    return list(known.values())


def state(address: Address) -> tuple[Literal["ok", "DEAD", "no answer"], str]:
    """How an address answers, and why not as it should."""
    try:
        check_answers(address.text, size=address.size, page=address.page)
    except UnreachableError as error:
        return "no answer", _reason(error, address)
    except DownloadError as error:
        return "DEAD", _reason(error, address)
    return "ok", ""


def _note(known: dict[str, Address], address: Address, entry: Entry) -> None:
    models = known.setdefault(address.text, address).models
    if entry.name not in models:
        models.append(entry.name)


def _reason(error: DownloadError, address: Address) -> str:
    return str(error).removeprefix(f"{address.text}: ")
