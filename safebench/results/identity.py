"""What of a run's models can be checked without running them: their code on record against the code installed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from safebench.errors import SafebenchError
from safebench.models import kinds, registry
from safebench.models.code import code_of
from safebench.protocol import RECEIVED
from safebench.runs.record import ModelRecord, RunRecord

_NOT_CHECKED = "Not checked: that these models, with the weights on record, made the pictures and maps"


def identity_sentence(record: RunRecord) -> str:
    """What of the models' identity is not checked, and how their code on record compares with the code here."""
    groups: dict[str, list[str]] = {}
    for kind in kinds.MODELS:
        for name, model in _recorded(record.models(kind.name)):
            names = groups.setdefault(_compared(kind.name, name, model), [])
            names += [name] if name not in names else []
    return "; ".join([_NOT_CHECKED, *(f"{what}: {', '.join(names)}" for what, names in groups.items())]) + "."


def _recorded(models: Mapping[str, ModelRecord]) -> Iterator[tuple[str, ModelRecord]]:
    """Each model by its name; of a chain of post-processing, each of its steps."""
    for name, model in models.items():
        if model.family == RECEIVED:
            continue  # no model: who made pictures that are given
        if model.steps or not model.identity:
            yield from model.steps.items()
        else:
            yield name, model


def _compared(kind: str, name: str, record: ModelRecord) -> str:
    if record.kept:
        return "results of earlier code, kept because their author said that the numbers are the same"
    if record.code is None:
        return "code not on record"
    try:
        here = code_of(registry.find(kind, record.name or name)[0])
    except SafebenchError:
        return "code on record, but not installed here"
    return "code as installed here" if here.identity == record.code.identity else "other code than installed here"
