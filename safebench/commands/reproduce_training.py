"""The networks of a paper's table that nobody publishes: trained here, all of them equally."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from safebench.errors import ConfigError, PluginError, SafebenchError, StoppedError, UnknownNameError
from safebench.inputs.photos import check_photos
from safebench.keys import slug
from safebench.models import registry
from safebench.models.contracts import Recipe
from safebench.models.registry import Entry
from safebench.training.config import TrainConfig, make_configs
from safebench.work.watching import Watcher

_DECIDED = ("images", "exclude", "steps", "resolution", "seed", "device", "out", "init")
"""Options of the loop that `--set` leaves alone: the table's own, or said by options of their own."""


@dataclass(frozen=True)
class Training:
    """How all networks of a table are trained.

    images: photos, as `safebench train` takes them; none: those of the table, but for what it holds out.  exclude: a
    list of photos to leave out.  seeds: one training of each network for every seed.
    settings: options of the loop, and of the recipes, each for all that have it.
    """

    images: Sequence[str]
    steps: int
    seeds: Sequence[int]
    resolution: int
    settings: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    exclude: str = ""


@dataclass(frozen=True)
class Network:
    """A row of a table as it is trained: its label, the recipe, and the recipe's options that make it this row."""

    label: str
    recipe: str
    options: Mapping[str, str]

    def called(self, seed: int) -> str:
        """What one training's product is called in the tables: `aot-gan-rwsa seed 1`."""
        return re.sub(r"[^\w .@-]+", "-", f"{self.label} seed {seed}")


@dataclass(frozen=True)
class _Planned:
    """One training, ready to begin."""

    network: Network
    entry: Entry
    config: TrainConfig
    own: Any

    @property
    def recipe(self) -> Recipe:
        made: Recipe = self.entry.load_class()(self.entry.card, self.own)
        return made


@dataclass(frozen=True)
class Trainings:
    """All trainings of a table, checked and ready to begin.

    reasons: why a network cannot be trained here, by its label.  sentence: how the others are, as people are told it.
    """

    planned: tuple[_Planned, ...]
    reasons: Mapping[str, str]
    sentence: str

    def run(self, watcher: Watcher) -> dict[str, tuple[Path, ...]]:
        """Train every network once for each seed; what is there goes on.

        Returns the products by the networks' labels, in the order of the seeds.  Raises StoppedError where it was
        interrupted, and the SafebenchError of a training that cannot go on.
        """
        from safebench.training.loop import limit_threads

        limit_threads()
        products: dict[str, tuple[Path, ...]] = {}
        for number, one in enumerate(self.planned, start=1):
            watcher.note(f"training {number} of {len(self.planned)}: {one.network.called(one.config.seed)}")
            label = one.network.label
            products[label] = (*products.get(label, ()), _train(one, watcher))
        return products


def plan_trainings(networks: Sequence[Network], training: Training, folder: Path) -> Trainings:
    """The trainings of all networks, in folders of their own in `folder`.

    Raises the SafebenchError of what keeps any of them from training, before anything is made.
    """
    try:
        importlib.import_module("safebench.training.loop")
    except ImportError as error:
        raise PluginError(f"training needs more: {error}; install it with: pip install 'safebench[train]'") from None
    if len(set(training.seeds)) < len(training.seeds) or not training.seeds:
        raise ConfigError("--seeds: has to be whole numbers, separated by commas, each once")
    entries, reasons = _entries(networks)
    planned = tuple(_planned(networks, entries, training, folder))
    for images in training.images:
        check_photos(images)
    _check_prepared(planned)
    return Trainings(planned, reasons, _sentence(training, planned))


def _entries(networks: Sequence[Network]) -> tuple[dict[str, Entry], dict[str, str]]:
    """The recipes by the networks' labels, and why some have none; raises ConfigError where none has."""
    entries: dict[str, Entry] = {}
    reasons: dict[str, str] = {}
    for network in networks:
        try:
            entries[network.label] = registry.find("recipes", network.recipe)[0]
        except UnknownNameError as error:
            reasons[network.label] = f"cannot be trained here: {error}"
    if not entries:
        raise ConfigError(next(iter(reasons.values()), "--train: the table has no network that can be trained"))
    return entries, reasons


def _planned(
    networks: Sequence[Network], entries: Mapping[str, Entry], training: Training, folder: Path
) -> Iterator[_Planned]:
    """Every training, its options checked."""
    apart = {option for network in networks for option in network.options}
    _check_settings(training.settings, list(entries.values()), apart)
    for seed in training.seeds:
        for network in networks:
            if entry := entries.get(network.label):
                options = {
                    **{key: value for key, value in training.settings.items() if key in _options_of(entry)},
                    **network.options,
                    "images": list(training.images),
                    "exclude": training.exclude,
                    "steps": training.steps,
                    "resolution": training.resolution,
                    "seed": seed,
                    "device": training.device.partition(":")[0],
                    "out": str(folder / slug(network.called(seed), 80)),
                }
                config, own = make_configs(entry.load_class(), entry.name, "", None, options)
                yield _Planned(network, entry, config, own)


def _check_settings(settings: Mapping[str, str], entries: Sequence[Entry], apart: set[str]) -> None:
    """Raise ConfigError for the first setting that no recipe has, or that is not to be chosen here.

    apart: the options by which the rows differ.
    """
    known = set().union(*(_options_of(entry) for entry in entries)) - apart
    for key in settings:
        if key in _DECIDED:
            raise ConfigError(
                f"--set {key}=...: is not to be chosen here, where it is one and the same for all networks"
            )
        if key in apart:
            raise ConfigError(f"--set {key}=...: is what tells the table's rows apart; leave it out")
        if key not in known:
            raise ConfigError(f"--set {key}=...: there is no such option; there are {', '.join(sorted(known))}")


def _options_of(entry: Entry) -> set[str]:
    recipe: type[Recipe] = entry.load_class()
    own = {one.name for one in msgspec.structs.fields(recipe.Config)}
    return own | {one.name for one in msgspec.structs.fields(TrainConfig)} - set(_DECIDED)


def _check_prepared(planned: Sequence[_Planned]) -> None:
    """Raise what a recipe lacks (the backbone of a loss, say) before the first of them spends hours."""
    import torch

    for one in {one.network.label: one for one in planned}.values():
        try:
            one.recipe.prepare(torch.device("cpu"))
        except SafebenchError as error:
            raise type(error)(f"{one.network.label}: {error}") from None


def _train(one: _Planned, watcher: Watcher) -> Path:
    from safebench.training.checkpoint import FILE
    from safebench.training.loop import Trainer

    resume = (Path(one.config.out) / FILE).exists()
    try:
        return Trainer(one.entry, one.recipe, one.config, "", watcher).run(resume)
    except StoppedError:
        raise StoppedError("stopped; the same command goes on") from None


def _sentence(training: Training, planned: Sequence[_Planned]) -> str:
    """How the networks were trained, as people are told it."""
    config = planned[0].config
    settings = "".join(f", {name}={value}" for name, value in training.settings.items())
    seeds = ", ".join(map(str, training.seeds))
    return (
        f"Trained here, each alike: {training.steps:,} steps of batches of {config.batch_size} at "
        f"{training.resolution} x {training.resolution} pixels on {', '.join(training.images)}"
        f"{' (those photos that are not measured)' if training.exclude else ''}{settings}; "
        f"seed{'s' if len(training.seeds) > 1 else ''} {seeds}, one training a network and seed, of which "
        "the weights of the step that validated best are shown."
    )
