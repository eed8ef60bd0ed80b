"""Which pictures are made of each inpainter's output in a run: spliced, regenerated, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from safebench.errors import ConfigError
from safebench.metrics.known_changed import KNOWN_CHANGED
from safebench.models.specs import ModelSpec
from safebench.protocol import REGENERATED, SPLICED
from safebench.route.assemble import ASSEMBLIES
from safebench.runs.config import RunConfig
from safebench.runs.record import ModelRecord, RunRecord


def assemblies_of(inpainters: Sequence[ModelSpec], config: RunConfig) -> tuple[dict[str, list[str]], list[str]]:
    """The assemblies asked for that mean something for each inpainter, and a sentence where one does not.

    Raises ConfigError where nothing is left.
    """
    asked: list[str] = [assembly for assembly in ASSEMBLIES if assembly in config.assembly]
    copying = [spec.label for spec in inpainters if REGENERATED in asked and not spec.entry.card.regenerates]
    possible = {spec.label: [a for a in asked if a == SPLICED or spec.label not in copying] for spec in inpainters}
    possible = {label: assemblies for label, assemblies in possible.items() if assemblies}
    if not possible and inpainters:
        raise ConfigError(
            f"--assembly regenerated: means nothing for {', '.join(copying)}, whose output outside the hole is the "
            "photo itself; name a network, or take --assembly spliced"
        )
    sentence = f"--assembly regenerated of {', '.join(copying)}, whose output outside the hole is the photo itself"
    return possible, [sentence] if copying else []


def with_assemblies(
    before: Mapping[str, ModelRecord], now: Mapping[str, ModelRecord], assemblies: Mapping[str, Sequence[str]]
) -> dict[str, ModelRecord]:
    """What is said of inpainters, with the assemblies of their output that the folder holds after this call."""
    records = {}
    for name, model in now.items():
        held = {*assemblies[name], *(before[name].assemblies if name in before else ())}
        records[name] = structs.replace(
            model, assemblies=tuple(assembly for assembly in ASSEMBLIES if assembly in held)
        )
    return records


def with_implied_metrics(config: RunConfig, before: RunRecord | None) -> RunConfig:
    """The run's options, with the figure that belongs beside whole pictures, and beside those that others made: those
    asked for, and those that the folder holds of earlier calls.

    before: what run.json says of these.
    """
    held = before is not None and any(REGENERATED in model.assemblies for model in before.inpainters.values())
    whole = held or REGENERATED in config.assembly or config.pictures is not None
    if not whole or KNOWN_CHANGED.key in config.metrics:
        return config
    return structs.replace(config, metrics=(*config.metrics, KNOWN_CHANGED.key))
