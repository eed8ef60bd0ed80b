"""Where the figures come from: all that run.json says, and the cards of the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from safebench.models import kinds
from safebench.runs.record import ModelRecord, RunRecord

from .runs import Run
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
    "independent": "photos that they are crops of",
}
_SECTIONS = ("config", "versions", "photos", "masks")
_MODELS = tuple(kind.name for kind in kinds.MODELS)


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
    record = run.record
    said = msgspec.to_builtins(record)
    own = {key: value for key, value in said.items() if key not in (*_SECTIONS, *_MODELS, "calls")}
    if record.took:
        own["took"] = _duration(record)
    if devices := {call.device for call in record.calls if call.device} - {record.device}:
        own["earlier_devices"] = sorted(devices)
    by_section = {**said, "versions": _versions(record), "config": said["config"] or {}}
    return [Section("Run", _facts(own)), *(Section(key.capitalize(), _facts(by_section[key])) for key in _SECTIONS)]


def _versions(record: RunRecord) -> dict[str, str]:
    """The versions of the last call; where an earlier one had others, they are named too."""
    by_package = {}
    for name, version in record.versions.items():
        others = {call.versions[name] for call in record.calls if name in call.versions} - {version}
        by_package[name] = f"{version} (in earlier calls {', '.join(sorted(others))})" if others else version
    return by_package


def cards(run: Run) -> list[ModelCard]:
    """The models, inpainters first."""
    return [_card(kind, name, model) for kind in _MODELS for name, model in _single(run.models(kind)).items()]


def _single(models: Mapping[str, ModelRecord]) -> dict[str, ModelRecord]:
    """The models by name; of chains of post-processing, their steps, each once."""
    models_by_name: dict[str, ModelRecord] = {}
    for name, model in models.items():
        models_by_name |= model.steps if model.steps or not model.identity else {name: model}
    return models_by_name


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


def _card(kind: str, name: str, model: ModelRecord) -> ModelCard:
    paper = msgspec.to_builtins(model.paper) if model.paper else {}
    left_out = {"title", "summary", "family", "paper", "weights_sha256", "settings", "earlier"}
    left_out |= set() if model.kept else {"kept", "kept_from"}
    left_out |= {"score"} if kind == "inpainters" else {"assemblies"}
    left_out |= {"steps"}  # of chains, which have no card
    left_out |= set() if model.tile else {"tile"}
    left_out |= {"repeatable"} if model.repeatable else set()  # named only where it is not so
    facts = {key: value for key, value in msgspec.to_builtins(model).items() if key not in left_out}
    return ModelCard(
        kind=kind.removesuffix("s"),
        name=name,
        title=model.title or "unknown",
        summary=model.summary,
        family=model.family or "unknown",
        paper=". ".join(str(paper[key]) for key in ("authors", "title", "venue", "year") if paper.get(key)),
        paper_url=web_address(paper.get("url")),
        facts=_facts({key: value for key, value in facts.items() if value not in ("", None)}),
        sha256=model.weights_sha256,
    )


def _duration(record: RunRecord) -> str:
    """The time of all calls together: `1 h 5 min in 3 calls, 1 of them cut short and not counted`."""
    minutes, seconds = divmod(int(record.took.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    took = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    if len(record.calls) > 1:
        took += f" in {len(record.calls)} calls"
    if cut := sum(call.took is None for call in record.calls):
        took += f", {cut} of them cut short and not counted"
    return took
