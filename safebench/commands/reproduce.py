"""A paper's table, run again: its suite with what can run here, the measured figures beside the published ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from safebench.commands.reproduce_split import sides_in, split_in_two
from safebench.commands.reproduce_training import Network, Training, plan_trainings
from safebench.commands.run import execute
from safebench.errors import ConfigError, PluginError, SafebenchError
from safebench.inputs.photos import dataset_cards
from safebench.keys import plain, slug
from safebench.models import registry
from safebench.models.labels import split_label
from safebench.models.specs import named_file, participant
from safebench.protocol import SIZE
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results, open_run
from safebench.runs.config import make_config
from safebench.runs.options import guessed
from safebench.work.watching import Watcher

SAMPLE = "sample"
"""The built-in photos, on which a table is run where none of its own data sets is at hand."""


@dataclass(frozen=True)
class RowSpec:
    """One row of a table: its label there and the model that gives its figures.

    own: its weights are the user's, named by `--weights LABEL=FILE`; how: the way to make them.
    recipe, options: of a network that can be trained here, what trains it and the recipe's options that make it this
    row.  beside: the label of the row that it is set against, since it has all but the part in question.
    """

    label: str
    model: str
    own: bool = False
    how: str = ""
    extra: bool = False
    """No row of the paper's: it runs beside them on the built-in photos."""
    recipe: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    beside: str = ""


@dataclass(frozen=True)
class Suite:
    """What a table of a paper measures; `metrics` are the names of the published figures."""

    table: str
    title: str
    rows: tuple[RowSpec, ...]
    datasets: tuple[str, ...]
    bins: tuple[str, ...]
    metrics: tuple[str, ...]
    detectors: tuple[str, ...]
    offline_inpainters: tuple[str, ...] = ()
    offline_detectors: tuple[str, ...] = ()


class Measured(NamedTuple):
    """Where a row's figures are: the run, and what its model is called in it, once for each of its trainings."""

    results: Results
    names: tuple[str, ...]


@dataclass
class Outcome:
    """What was run of a table, and why not what was not: `reasons` by row label, detector or data set."""

    suite: Suite
    reasons: dict[str, str] = field(default_factory=dict)
    runs: dict[tuple[str, str], Measured] = field(default_factory=dict)
    """By data set and row label."""
    detectors: tuple[str, ...] = ()
    rows: tuple[RowSpec, ...] = ()
    datasets: tuple[str, ...] = ()
    trained: str = ""
    """How the networks of the rows were trained here, in a sentence; "" where they were not."""


class PaperTables(ReportFormat):
    """A form that knows a paper's tables."""

    @abstractmethod
    def suite(self, table: str) -> Suite:
        """What a table measures; raises UnknownNameError for one that the paper does not have."""

    @abstractmethod
    def compare(self, outcome: Outcome, out: Path) -> tuple[Path, str]:
        """Write measured beside published figures into `out`; returns the page, and the same as plain text."""


@dataclass(frozen=True)
class Options:
    """What the user decides; the rest is the table's."""

    out: Path
    images: Sequence[str] = ()
    weights: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None
    masks: str = "irregular"
    seed: int = 0
    size: int = SIZE
    device: str = "auto"
    lpips_net: str | None = None
    detectors: Sequence[str] = ()
    """Those that look beside the table's own."""
    train: Training | None = None
    """How the rows' networks are trained first; None: they are taken as they are published or named."""
    exclude: str | None = None
    """A list of photos to leave out of the table."""


def paper_tables(form: str = "paper-tables") -> PaperTables:
    """The form that knows a paper's tables."""
    entry, _ = registry.find("reports", form)
    made = entry.load_class()(entry.card)
    if not isinstance(made, PaperTables):
        raise PluginError(f"{entry.name}: knows no paper's tables (it is no safebench.commands.reproduce.PaperTables)")
    return made


def reproduce(table: str, options: Options, watcher: Watcher) -> tuple[Path, str, int]:
    """Run what can run of a table; returns the page's path, the tables as text, and how many samples failed."""
    form = paper_tables()
    outcome = run_suite(form.suite(table), options, watcher)
    page, text = form.compare(outcome, options.out)
    runs = {measured.results.folder: measured.results for measured in outcome.runs.values()}
    return page, text, sum(len(results.failures) for results in runs.values())


def run_suite(suite: Suite, options: Options, watcher: Watcher) -> Outcome:
    """Run a table's suite on the data sets at hand, or those that `options` name; nothing is fetched.

    With `options.train` the networks of its rows are trained first, or gone on with, in `trainings` of the folder.
    """
    _check_names(suite, options)
    outcome = Outcome(suite)
    here = {card.name for card in dataset_cards() if card.present}
    for name in suite.datasets:
        if name not in here:
            outcome.reasons[name] = f"not on this machine (safebench data prepare {name})"
    chosen = tuple(options.images) or tuple(name for name in suite.datasets if name in here) or (SAMPLE,)
    beside = [RowSpec(name, name, extra=True) for name in suite.offline_inpainters] if SAMPLE in chosen else []
    outcome.rows = (*suite.rows, *beside)
    outcome.datasets = chosen
    own = (*suite.detectors, *(suite.offline_detectors if suite.detectors and SAMPLE in chosen else ()))
    outcome.detectors = tuple(dict.fromkeys((*own, *options.detectors)))
    specs = [RowSpec(name, name) for name in outcome.detectors]
    detectors = [spec.model for spec in specs if _can_run("detectors", spec, options, outcome)]
    if options.train:
        together, options = _trained(suite, beside, options, options.train, watcher, outcome)
    else:
        together = _given(options, outcome)
    for dataset in chosen:
        for folder, rows in together.items():
            _run(dataset, rows, detectors, options.out / "runs" / slug(dataset) / folder, options, watcher, outcome)
    return outcome


@dataclass(frozen=True)
class _Row:
    """A row as it takes part in a run: what `--inpainter` would say, once for each of its trainings, with the files
    that `--weights` names for them."""

    label: str
    inpainters: tuple[str, ...]
    weights: Mapping[str, str] = field(default_factory=dict)


def _given(options: Options, outcome: Outcome) -> dict[str, list[_Row]]:
    """The rows that run together, by folder: those of published weights, and each of the user's own by itself."""
    able = [row for row in outcome.rows if _can_run("inpainters", row, options, outcome)]
    own_labels = {row.label for row in able if row.own}
    files = {name: file for name, file in options.weights.items() if name not in own_labels}
    together: dict[str, list[_Row]] = {}
    for row in able:
        own = {row.model: options.weights[row.label]} if row.own else {}
        together.setdefault(slug(row.label) if row.own else "together", []).append(
            _Row(row.label, (row.model,), files | own)
        )
    return together


def _trained(
    suite: Suite, beside: Sequence[RowSpec], options: Options, training: Training, watcher: Watcher, outcome: Outcome
) -> tuple[dict[str, list[_Row]], Options]:
    """Train the networks of the rows; all of them run together, with those that run beside them.

    Where no photos to train on are named, they are the table's own, but for those that are held out for it: what the
    table is measured on then is said by the options that come back.
    """
    networks = [Network(row.label, row.recipe, row.options) for row in suite.rows if row.recipe]
    sides = None if training.images else sides_in(options.out / "split")
    if sides:
        if len(outcome.datasets) > 1:
            raise ConfigError("--train: several sets are measured; name the photos to train on by --train-images")
        training = replace(training, images=outcome.datasets, exclude=str(sides.not_learned_from))
    trainings = plan_trainings(networks, training, options.out / "trainings")
    if sides:
        split_in_two(training.images[0], options.limit, options.seed, sides, watcher)
        options = replace(options, limit=None, exclude=str(sides.not_held_out))
    products, outcome.trained = trainings.run(watcher), trainings.sentence
    outcome.reasons |= trainings.reasons
    rows = []
    for network in networks:
        if files := products.get(network.label):
            called = [network.called(seed) for seed in training.seeds]
            names = tuple(f"{name}={network.recipe}" for name in called)
            rows.append(
                _Row(network.label, names, {**options.weights, **dict(zip(called, map(str, files), strict=True))})
            )
    rows += [
        _Row(row.label, (row.model,), options.weights)
        for row in beside
        if _can_run("inpainters", row, options, outcome)
    ]
    return {"trained": rows}, options


def _run(
    dataset: str,
    rows: list[_Row],
    detectors: list[str],
    folder: Path,
    options: Options,
    watcher: Watcher,
    outcome: Outcome,
) -> None:
    names = [name for row in rows for name in row.inpainters]
    specs = [registry.find("inpainters", split_label(name)[1])[0].name for name in names]
    files = {name: file for row in rows for name, file in row.weights.items()}
    taking = {*specs, *detectors, *(split_label(name)[0] for name in names)}
    values = {
        "inpainters": list(dict.fromkeys(names)),
        "detectors": detectors,
        "images": dataset,
        "masks": options.masks,
        "bins": ",".join(outcome.suite.bins),
        "limit": options.limit,
        "exclude": options.exclude,
        "seed": options.seed,
        "size": options.size,
        "device": options.device,
        "lpips_net": options.lpips_net,
        "weights": {name: file for name, file in files.items() if name.partition(":")[0] in taking},
        "out": str(folder),
    }
    execute(make_config({key: value for key, value in values.items() if value is not None}), watcher)
    results = open_run(folder)
    for row in rows:
        called = (next((n for n in results.record.inpainters if _same(n, name)), "") for name in row.inpainters)
        outcome.runs[dataset, row.label] = Measured(results, tuple(called))


def _same(label: str, name: str) -> bool:
    """Whether a model that a run calls `label` is the one that `--inpainter` called `name`."""
    called, name = split_label(name)
    if called:
        return label == called
    base, _, variant = name.partition(":")
    its, _, other = label.partition(":")
    return plain(its) == plain(base) and (not variant or other == variant)


def _can_run(kind: str, row: RowSpec, options: Options, outcome: Outcome) -> bool:
    """Whether a model runs here as things are; the reason is kept where not."""
    if row.own and row.label not in options.weights:
        outcome.reasons[row.label] = f"nobody publishes its weights; {row.how}, then --weights '{row.label}=FILE'"
        return False
    try:
        if row.own:
            registry.find(kind, row.model)[0].load_class()
        else:
            file = named_file(kind, row.model, options.weights)
            participant(kind, row.model, file, options.seed, fetch=False).entry.load_class()
    except SafebenchError as error:
        outcome.reasons[row.label] = str(error).removeprefix(f"{row.model}: ")
        return False
    return True


def _check_names(suite: Suite, options: Options) -> None:
    """Raise for a detector that there is not, and where `--weights` names nothing of the table, or a row to be trained.

    A row of the user's own weights is named as it is written; a variant has to be one that is looked with.
    """
    for name in options.detectors:
        registry.find("detectors", name)
    rows = [row.label for row in suite.rows]
    known = [*rows, *suite.detectors, *options.detectors]
    models = {row.label for row in suite.rows if not row.own} | {*suite.detectors, *options.detectors}
    spelled = {_parts(name) for name in models} | {(_parts(name)[0], "") for name in models}
    for name in options.weights:
        if name not in rows and _parts(name) not in spelled:
            wanted = guessed(name, rows) or f"it has {', '.join(known)}"
            raise ConfigError(f"--weights {name}=...: {suite.table} has no such row; {wanted}")
        if options.train and name in rows:
            raise ConfigError(
                f"--weights {name}=...: --train makes the weights of the table's rows; leave one of them out"
            )


def _parts(name: str) -> tuple[str, str]:
    """A model's name and its variant as they are compared."""
    model, _, variant = name.partition(":")
    return plain(model), plain(variant)
