"""The models that take part in a run, and what identifies each: its version, its weights, its seed."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from safebench.errors import ConfigError, ExchangeError, PluginError, SafebenchError
from safebench.exchange.finding import find_answers
from safebench.files import expanded
from safebench.keys import digest, plain
from safebench.models import checksums, kinds, registry, weights
from safebench.models.cards import OptionValue
from safebench.models.code import Code, code_of
from safebench.models.contracts import Detector, Inpainter
from safebench.models.labels import check_label, split_label
from safebench.models.options import NONE, PROMPT, PROMPTS, Given, check_given, of_model, read_texts, text_for
from safebench.models.registry import Entry
from safebench.models.weights import Checkpoint

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class ModelSpec:
    """A model as it takes part: found, its checkpoint at hand, not yet loaded.

    tile: of a detector, the side of the tiles in which it looks at larger pictures; 0: at all of them whole.
    kept: the identity under which a run's folder holds results of other code that the user wants kept, or "".
    called: the user's own name for it (`mine=torchscript:x.pt`), or "".
    options: all that the card lets be set, with the user's values.  texts: what the table of texts by photo says, where
    the options name one.
    """

    kind: str
    entry: Entry
    variant: str
    checkpoint: Checkpoint | None
    seed: int
    code: Code
    precision: Precision = "fp32"
    compiled: bool = False
    tile: int = 0
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    kept: str = ""
    called: str = ""

    @property
    def label(self) -> str:
        """Its name in the tables: `lama`, `aot-gan:celeba`, or the user's own for it."""
        return self.called or (f"{self.entry.name}:{self.variant}" if self.variant else self.entry.name)

    @property
    def written(self) -> str:
        """What names it on the command line: `lama`, `aot-gan:celeba`, `mine=torchscript:x.pt`."""
        name = f"{self.entry.name}:{self.variant}" if self.variant else self.entry.name
        return f"{self.called}={name}" if self.called else name

    @property
    def shard(self) -> int:
        """So many pictures a call, where the model says so itself; else 0."""
        return self.checkpoint.shard if self.checkpoint else 0

    @property
    def by_answers(self) -> bool:
        """Whether it is a folder of answers that were made elsewhere."""
        return self.checkpoint is not None and self.checkpoint.answers is not None

    def answer(self, name: str) -> tuple[str, ...]:
        """What a result depends on besides the model and its input: of answers made elsewhere, the one to the picture
        of that name in the exchange; nothing for other models."""
        if self.checkpoint is None or self.checkpoint.answers is None:
            return ()
        return (self.checkpoint.answers.get(name, "missing"),)

    def check_unchanged(self, names: Iterable[str]) -> None:
        """Raise ExchangeError where an answer is no longer the one that was there when the run began."""
        if self.checkpoint is None or self.checkpoint.answers is None:
            return
        files = {name: self._answer_files[name] for name in names if name in self._answer_files}
        now = checksums.of_answers(self.checkpoint.path, self.kind, {n: f for n, f in files.items() if f.is_file()})[1]
        for name in names:
            if now.get(name) != self.checkpoint.answers.get(name):
                raise ExchangeError(f"{name}: its answer was changed while the run was at work; run again")

    @cached_property
    def _answer_files(self) -> Mapping[str, Path]:
        return find_answers(self.checkpoint.path) if self.checkpoint else {}

    @cached_property
    def identity(self) -> str:
        """What its results depend on besides their inputs: another identity never meets its rows."""
        return self.kept or digest("model", self.settings, *self.code.identity)[:16]

    @cached_property
    def settings(self) -> str:
        """The same but for its code: its name, card version, weights, seed, precision, tiles and options."""
        sha256 = self.checkpoint.identity if self.checkpoint else ""
        numerics: list[Any] = (
            [] if (self.precision, self.compiled) == ("fp32", False) else [self.precision, self.compiled]
        )
        numerics += [f"tile {self.tile}"] if self.tile else []
        if self.options:  # the table of texts counts by what it says, not by where it lies
            numerics += [sorted({**self.options, PROMPTS: sorted(self.texts.items())}.items())]
        return digest("model", self.kind, self.label, self.entry.card.version, sha256, self.seed, *numerics)[:16]

    @property
    def described_options(self) -> dict[str, OptionValue]:
        """The options as run.json says them, without the folders of this machine."""
        options = dict(self.options)
        if self.texts:
            file, sha256 = Path(str(options[PROMPTS])).name, digest(sorted(self.texts.items()))
            options[PROMPTS] = f"{file} ({len(self.texts)} texts, sha256 {sha256[:12]})"
        return options

    def remark(self, photos: Iterable[str]) -> str:
        """The sentence on a model that takes texts and gets none for all or some of the photos, by name; else ""."""
        if not self.entry.card.input.text:
            return ""
        prompt, names = str(self.options.get(PROMPT, "")), set(photos)
        if not self.texts:
            return "" if prompt else f"{self.label}: no text says what to paint (--set prompt=..., or prompts=FILE.csv)"
        without = sum(text_for(name, self.texts, "\0") == "\0" for name in names)
        rest = f"'{prompt}'" if prompt else "none"
        sentence = f"{self.label}: {without} of {len(names)} photos have no text of their own and get {rest}"
        return sentence if without else ""

    def text(self, photo: str) -> str:
        """What it is told to paint into a photo, by the photo's name; "" for a model that is told nothing."""
        return text_for(photo, self.texts, str(self.options.get(PROMPT, "")))

    def load_inpainter(self, device: str) -> Inpainter:
        """Import, make and load the model."""
        model: Inpainter = self.load(device)
        return model

    def load_detector(self, device: str) -> Detector:
        """Import, make and load the model."""
        model: Detector = self.load(device)
        return model

    def load(self, device: str) -> Any:
        """Import, make and load the model, of whatever kind; raises PluginError where it is none of its kind."""
        from safebench.models.devices import compile_networks, pick_device  # torch is imported when a model is loaded
        from safebench.models.threads import limit_to_torchs

        self._check_code()
        adapter = self.entry.load_class()
        kind = kinds.kind(self.kind)
        if not (isinstance(adapter, type) and issubclass(adapter, kind.load_contract())):
            raise PluginError(f"{self.label}: {adapter!r} is no subclass of {kind.contract.replace(':', '.')}")
        model = adapter(self.entry.card, variant=self.variant, seed=self.seed)
        model.options = dict(self.options)
        model.load(self.checkpoint.path if self.checkpoint else None, pick_device(device))
        limit_to_torchs()
        if self.compiled:
            compile_networks(model)
        return model

    def _check_code(self) -> None:
        """Raise PluginError where the code here is not the one on record: a worker's machine may have another."""
        here = code_of(registry.find(self.kind, self.entry.name)[0])
        if here.identity != self.code.identity:
            raise PluginError(
                f"{self.label}: its code on {platform.node()} ({here.label}) is not that of the process which began "
                f"the run ({self.code.label}); install the same on every machine"
            )


def participant(
    kind: str, name: str, named: Path | None = None, seed: int = 0, *, fetch: bool = True, given: Given = NONE
) -> ModelSpec:
    """The model `[LABEL=]NAME[:VARIANT]` with its checkpoint: the one `named`, what is at hand, or, with `fetch`,
    what its sources give where its terms allow that; with its options as `given`.

    Raises UnknownNameError, ConfigError for a label or an option that cannot be, or WeightsError where the checkpoint
    is missing.
    """
    label, name = split_label(name)
    entry, variant = registry.find(kind, name)
    if label:
        check_label(kind, label, entry.name)
    options = check_values(entry, label, given)
    texts = read_texts(str(options.get(PROMPTS, "")))
    found = weights.find(entry, variant, named, fetch=fetch)
    return ModelSpec(kind, entry, variant, found, seed, code_of(entry), called=label, options=options, texts=texts)


def sole_participant(
    kind: str, name: str, named: Path | None = None, seed: int = 0, *, given: Given = NONE
) -> ModelSpec:
    """The model of a command that has no other, as `participant` gives it; an option that it has not is told before
    its weights are looked for.

    Raises ConfigError for such an option, and what `participant` does.
    """
    label, model = split_label(name)
    check_given(given, [(registry.find(kind, model)[0].card, label)])
    return participant(kind, name, named, seed, given=given)


def check_values(entry: Entry, label: str, given: Given) -> dict[str, OptionValue]:
    """A model's options as `given`; raises ConfigError where one cannot be, as far as the model's code tells."""
    options = of_model(entry.card, label, given)
    if options != entry.card.options:
        entry.load_class().check_options(options)
    return options


def choose(
    kind: str, names: Iterable[str], files: Mapping[str, str], seed: int, given: Given = NONE
) -> tuple[list[ModelSpec], list[str]]:
    """The models named, in that order and each once; and a sentence for each that `all` had to leave out.

    `all` stands for every model that can run here as things are: nothing is fetched for it.
    `files` holds what `--weights NAME=FILE` gave, `given` what `--set` did.
    """
    chosen: dict[str, ModelSpec] = {}
    left_out: list[str] = []
    for name in names:
        if plain(name) != "all":
            spec = participant(kind, name, named_file(kind, name, files), seed, given=given)
            if chosen.setdefault(spec.label, spec).identity != spec.identity:
                raise ConfigError(f"two {kind} are called {spec.label}: give each a name of its own (NAME=MODEL)")
            continue
        for known, entry in registry.entries(kind).items():
            if entry.card.argument != "variant":
                continue  # it stands for a model that only the user can name
            try:
                spec = participant(kind, known, named_file(kind, known, files), seed, fetch=False, given=given)
                spec.entry.load_class()
            except SafebenchError as error:
                left_out.append(str(error))
            else:
                chosen.setdefault(spec.label, spec)
    return list(chosen.values()), left_out


def named_file(kind: str, name: str, files: Mapping[str, str]) -> Path | None:
    """The file that `--weights` names for a model (`[LABEL=]NAME[:VARIANT]`, any spelling, or the label), or None.

    A file for the name alone is for those of its variants that have none of their own.
    """
    label, name = split_label(name)
    if label in files:
        return expanded(files[label])
    entry, variant = registry.find(kind, name)
    spelled = {plain(n) for n in (entry.card.name, *entry.card.aliases)}
    keys = {key: key.partition(":") for key in files}
    by_variant = {plain(part): files[key] for key, (base, _, part) in keys.items() if plain(base) in spelled}
    file = by_variant.get(plain(variant), by_variant.get(""))
    return None if file is None else expanded(file)


def check_names(files: Mapping[str, str], entries: Iterable[Entry], labels: Iterable[str] = ()) -> None:
    """Raise ConfigError where `--weights` names a model that does not take part; `labels` are the user's own names."""
    for key in _strangers(files, entries, labels):
        raise ConfigError(f"--weights {key}=...: no model of that name takes part in this run")


def files_of(files: Mapping[str, str], entries: Iterable[Entry], labels: Iterable[str]) -> dict[str, str]:
    """What `--weights` names for these models; `labels` are the user's own names."""
    strangers = set(_strangers(files, list(entries), list(labels)))
    return {name: file for name, file in files.items() if name not in strangers}


def check_rerun(names: Iterable[str], entries: Iterable[Entry], labels: Iterable[str] = ()) -> None:
    """Raise ConfigError where `--rerun` names a model that does not take part; `labels` are the user's own names."""
    for name in _strangers(names, entries, labels):
        raise ConfigError(f"--rerun {name}: no model of that name takes part in this run")


def meant(names: Iterable[str], specs: Iterable[ModelSpec]) -> frozenset[str]:
    """The labels of the models that `--rerun` names: by label, or by the name for all of its variants."""
    wanted = {plain(name) for name in names}
    return frozenset(
        spec.label
        for spec in specs
        if wanted & {plain(name) for name in (spec.label, spec.entry.name, *spec.entry.card.aliases)}
    )


def _strangers(names: Iterable[str], entries: Iterable[Entry], labels: Iterable[str]) -> list[str]:
    spelled = {plain(name) for entry in entries for name in (entry.name, *entry.card.aliases)}
    return [name for name in names if name not in set(labels) and plain(name.partition(":")[0]) not in spelled]
