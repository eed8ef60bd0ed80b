"""Where the figures come from: all that run.json says, and the cards of the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .runs import Run, mapping
from .words import web_address

Fact = tuple[str, str]
"""A name and what is said of it."""

_NAMES = {
    "lpips_net": "LPIPS backbone",
    "lpips_note": "LPIPS note",
    "schema": "schema of run.json",
    "outside": "masks outside every bin",
    "ignored": "files ignored",
    "count": "photos",
}
_SECTIONS = ("config", "versions", "photos", "masks")
_MODELS = ("inpainters", "detectors")


@dataclass(frozen=True)
class Section:
    """A titled list of facts."""

    title: str
    facts: list[Fact]


@dataclass(frozen=True)
class ModelCard:
    """What the page says of a model that took part."""

    kind: str
    name: str
    title: str
    summary: str
    family: str
    paper: str
    paper_url: str
    facts: list[Fact]
    sha256: str


def sections(run: Run) -> list[Section]:
    """run.json, but for the models: the run itself first, then its options, versions, photos and masks."""
    own = {key: value for key, value in run.info.items() if key not in (*_SECTIONS, *_MODELS)}
    if took := _duration(run.info):
        own["took"] = took
    found = [Section("Run", _facts(own))]
    return found + [Section(key.capitalize(), _facts(mapping(run.info.get(key)))) for key in _SECTIONS]


def cards(run: Run) -> list[ModelCard]:
    """The models, inpainters first."""
    return [_card(kind, name, model) for kind in _MODELS for name, model in run.models(kind).items()]


def told_value(value: object) -> str:
    """A value of run.json in words; nested ones flattened."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{_name(key)}: {told_value(item)}" for key, item in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(told_value(item) for item in value) or "none"
    return str(value)


def _facts(values: Mapping[str, Any]) -> list[Fact]:
    return [(_name(key), told_value(value)) for key, value in values.items()]


def _name(key: object) -> str:
    return _NAMES.get(str(key), str(key).replace("_", " "))


def _card(kind: str, name: str, model: Mapping[str, Any]) -> ModelCard:
    paper = mapping(model.get("paper"))
    told = {"title", "summary", "family", "paper", "weights_sha256", *({"score"} if kind == "inpainters" else ())}
    return ModelCard(
        kind=kind.removesuffix("s"),
        name=name,
        title=_text(model, "title"),
        summary=str(model.get("summary") or ""),
        family=_text(model, "family"),
        paper=". ".join(str(paper[key]) for key in ("authors", "title", "venue", "year") if paper.get(key)),
        paper_url=web_address(paper.get("url")),
        facts=_facts({key: value for key, value in model.items() if key not in told and value not in ("", None)}),
        sha256=str(model.get("weights_sha256") or ""),
    )


def _text(model: Mapping[str, Any], key: str) -> str:
    return str(model.get(key) or "unknown")


def _duration(info: Mapping[str, Any]) -> str:
    try:
        seconds = (
            datetime.fromisoformat(str(info.get("finished"))) - datetime.fromisoformat(str(info.get("started")))
        ).total_seconds()
    except (ValueError, TypeError):
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
