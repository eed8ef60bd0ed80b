"""Whether a run goes on with the results that its folder holds of a model whose code has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from msgspec import structs

from safebench.models import kinds
from safebench.models.code import Code
from safebench.models.specs import ModelSpec
from safebench.runs.record import Made, ModelRecord, model_record
from safebench.runs.store import Store


def settle(
    models: Iterable[ModelSpec], recorded: Mapping[str, ModelRecord], store: Store, keep: bool
) -> tuple[list[ModelSpec], list[str]]:
    """Hold the models that take part against what run.json says of them (`recorded`, by label).

    A model of other code has another identity, so that its results are made anew.  With `keep` it takes on the identity
    under which the folder's `store` holds most rows, where all but the code is as it was.  Once kept, results stay kept
    as long as the code stays as it is.  Returns the models, and sentences for the user.
    """
    settled, sentences, kept, changed = [], [], [], []
    for spec in models:
        before = recorded.get(spec.label)
        alike = _differ_by_code(spec, before)
        known = {made.identity: made.code for made in alike}
        if keep and before is not None and not alike:
            sentences.append(
                f"{spec.label}: --keep-results cannot keep its results in this folder: they are of another card "
                "version, other weights, another seed or another precision"
            )
        chosen = spec.identity
        if alike and before is not None and (keep or _same_code(before, spec)):
            chosen = _fullest(alike, store, spec.kind) if keep else before.identity
        elif alike and spec.identity not in known:
            changed.append((spec, alike[0].code))
        if chosen != spec.identity:
            kept.append((spec, known[chosen]))
        settled.append(spec if chosen == spec.identity else replace(spec, kept=chosen))
    return settled, [*sentences, *_told_kept(kept), *_told_changed(changed)]


def described(spec: ModelSpec, recorded: ModelRecord | None) -> ModelRecord:
    """What run.json says of a model, and of results that other code made, so that they can still be kept later."""
    alike = _differ_by_code(spec, recorded)
    return structs.replace(
        model_record(spec),
        kept=bool(spec.kept),
        kept_from=next((made.code for made in alike if spec.kept == made.identity), None),
        earlier=tuple(made for made in alike if made.identity != spec.identity),
    )


def _differ_by_code(spec: ModelSpec, recorded: ModelRecord | None) -> list[Made]:
    """The results on record that differ from the model's own by their code at most; the latest first."""
    made = [recorded.made, *recorded.earlier] if recorded else []
    return [earlier for earlier in made if earlier.settings == spec.settings]


def _same_code(recorded: ModelRecord, spec: ModelSpec) -> bool:
    return recorded.code is not None and recorded.code.identity == spec.code.identity


def _fullest(alike: Sequence[Made], store: Store, kind: str) -> str:
    """The identity of which the store holds most rows that went well; of equals, the latest."""
    if len(alike) == 1:
        return alike[0].identity
    rows = store.read("quality" if kind == "inpainters" else "detection")
    counted = rows[rows["error"] == ""][f"{kinds.kind(kind).column}_id"].value_counts()
    return max(alike, key=lambda made: int(counted.get(made.identity, 0))).identity


def _told_kept(kept: Sequence[tuple[ModelSpec, Code | None]]) -> list[str]:
    """A sentence for each code that made what is kept."""
    by_code: dict[str, list[str]] = {}
    for spec, code in kept:
        by_code.setdefault(_label(code), []).append(spec.label)
    return [
        f"{', '.join(names)}: results of other code than today's are kept, as --keep-results said ({code})"
        for code, names in by_code.items()
    ]


def _told_changed(changed: Sequence[tuple[ModelSpec, Code | None]]) -> list[str]:
    """A sentence for each that changed; one for all of which no code is on record."""
    unknown = ", ".join(spec.label for spec, code in changed if code is None)
    sentences = [
        f"{spec.label}: its code has changed since its results in this folder were made ({code.label} then, "
        f"{spec.code.label} now)"
        for spec, code in changed
        if code is not None
    ]
    if unknown:
        sentences.append(f"{unknown}: the code that made these models' results in this folder is not on record")
    return [
        f"{sentence}; they are made anew. Where you know that the numbers are the same, stop and run again with "
        "--keep-results"
        for sentence in sentences
    ]


def _label(code: Code | None) -> str:
    return code.label if code else "code that is not on record"
