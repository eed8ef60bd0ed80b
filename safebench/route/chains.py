"""Chains of post-processing as people write them: `none`, `jpeg:75`, `resize:0.5+jpeg:90`, or a suite of levels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from safebench.errors import ConfigError, UnknownNameError
from safebench.files import expanded
from safebench.keys import digest, plain, slug
from safebench.models import parameters, registry
from safebench.models.registry import Entry
from safebench.models.specs import ModelSpec, named_file, participant
from safebench.protocol import NO_POSTPROCESS
from safebench.runs.record import ModelRecord, model_record

KIND = "postprocessing"
_FOLDER = 16
"""So much of a folder's name stands in the name of a condition."""


@dataclass(frozen=True)
class Chain:
    """One condition under which pictures are shown: the steps that they go through, one after the other; none of them
    where they are shown as they are."""

    steps: tuple[ModelSpec, ...] = ()

    @property
    def label(self) -> str:
        """Its name in the tables: `resize:0.5+jpeg:90`, `none`."""
        return "+".join(step.label for step in self.steps) or NO_POSTPROCESS

    @cached_property
    def identity(self) -> str:
        """What its pictures depend on besides those that go in; "" where they are shown as they are."""
        return digest("postprocess", *(step.identity for step in self.steps))[:16] if self.steps else ""

    @property
    def repeatable(self) -> bool:
        """Whether any machine gives the same files."""
        return all(step.entry.card.repeatable for step in self.steps)

    def record(self) -> ModelRecord:
        """What run.json says of it."""
        return ModelRecord(
            identity=self.identity,
            title=", then ".join(step.entry.card.title for step in self.steps) or "The picture as it is",
            steps={step.label: model_record(step) for step in self.steps},
            repeatable=self.repeatable,
        )


def suites() -> dict[str, tuple[str, ...]]:
    """The named sets of levels: what the cards of all post-processing say of each, `none` first."""
    chains_of: dict[str, list[str]] = {}
    for name, entry in registry.entries(KIND).items():
        for suite, levels in entry.card.suites.items():
            chains_of.setdefault(suite, [NO_POSTPROCESS]).extend(f"{name}:{level}" for level in levels)
    return {suite: tuple(chains) for suite, chains in sorted(chains_of.items())}


def expand(names: Iterable[str]) -> list[str]:
    """The chains that names and suites stand for, in their order, each once."""
    known = {plain(suite): chains for suite, chains in suites().items()}
    return list(dict.fromkeys(chain for name in names for chain in known.get(plain(name), (name,))))


def entries_of(chain: str) -> Iterator[tuple[Entry, str]]:
    """What each step of a chain names, and its argument.

    Raises UnknownNameError for a step that is none; whether the argument can be is not looked at.
    """
    if plain(chain) == NO_POSTPROCESS:
        return
    for step in _split(chain):
        if plain(step) == NO_POSTPROCESS:
            raise ConfigError(f"--postprocess {chain}: '{NO_POSTPROCESS}' stands alone; it is no step of a chain")
        try:
            yield registry.find(KIND, step)
        except UnknownNameError as error:
            raise UnknownNameError(f"--postprocess {chain}: {error}; suites: {', '.join(suites())}") from None


def choose_chains(names: Iterable[str], files: Mapping[str, str], seed: int) -> list[Chain]:
    """The chains that `--postprocess` names, each once, their checkpoints at hand.

    `files` holds what `--weights NAME=FILE` gave.  Raises UnknownNameError, ConfigError for an argument that cannot be,
    WeightsError.
    """
    chains: dict[str, Chain] = {}
    for name in expand(names):
        chain = Chain(tuple(_step(entry, argument, files, seed) for entry, argument in entries_of(name)))
        chains.setdefault(chain.label, chain)
    return list(chains.values())


def _step(entry: Entry, argument: str, files: Mapping[str, str], seed: int) -> ModelSpec:
    name = f"{entry.name}:{argument}" if argument else entry.name
    spec = participant(KIND, name, named_file(KIND, name, files), seed)
    spec = replace(spec, variant=parameters.canonical(entry.card, spec.variant))
    return replace(spec, called=_short(spec))


def _short(spec: ModelSpec) -> str:
    """What a step is called whose argument is a local folder: by that folder's own name, not by where it lies.

    The beginning of its sha256 tells it from other folders of that name.  "" for any other step.
    """
    if spec.checkpoint is None or not expanded(spec.variant).is_dir():
        return ""
    folder = slug(expanded(spec.variant).resolve().name, _FOLDER)
    return f"{spec.entry.name}:{folder}@{spec.checkpoint.sha256[:6]}"


def _split(chain: str) -> list[str]:
    """The steps of a chain: a word that is no post-processing and has no colon (`back`) belongs to the step before."""
    known = {plain(n) for e in registry.entries(KIND).values() for n in (e.name, *e.card.aliases)}
    steps: list[str] = []
    for part in chain.split("+"):
        begins = ":" in part or plain(part) in {*known, NO_POSTPROCESS} or not steps
        steps[len(steps) if begins else -1 :] = [part if begins else f"{steps[-1]}+{part}"]
    return steps
