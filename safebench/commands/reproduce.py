"""A paper's table, run again: its suite with what can run here, the measured figures beside the published ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safebench.commands.run import execute
from safebench.errors import ConfigError, PluginError, SafebenchError
from safebench.inputs.photos import dataset_cards
from safebench.keys import plain, slug
from safebench.models import registry
from safebench.models.specs import named_file, participant
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results, open_run
from safebench.runs.config import make_config
from safebench.work.watching import Watcher

SAMPLE = "sample"
"""The built-in photos, on which a table is run where none of its own data sets is at hand."""


@dataclass(frozen=True)
class RowSpec:
    """One row of a table: its label there and the model that gives its figures.

    own: its weights are the user's, named by `--weights LABEL=FILE`; how: the way to make them.
    """

    label: str
    model: str
    own: bool = False
    how: str = ""
    extra: bool = False
    """No row of the paper's: it runs beside them on the built-in photos."""


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


@dataclass
class Outcome:
    """What was run of a table, and why not what was not: `reasons` by row label, detector or data set."""

    suite: Suite
    reasons: dict[str, str] = field(default_factory=dict)
    runs: dict[tuple[str, str], tuple[Results, str]] = field(default_factory=dict)
    """By data set and row label: the run, and what the row's model is called in it."""
    detectors: tuple[str, ...] = ()
    rows: tuple[RowSpec, ...] = ()
    datasets: tuple[str, ...] = ()


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
    device: str = "auto"
    lpips_net: str | None = None


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
    runs = {results.folder: results for results, _ in outcome.runs.values()}
    return page, text, sum(len(results.failures) for results in runs.values())


def run_suite(suite: Suite, options: Options, watcher: Watcher) -> Outcome:
    """Run a table's suite on the data sets at hand, or those that `options` name; nothing is fetched."""
    _check_weights(suite, options.weights)
    outcome = Outcome(suite)
    here = {card.name for card in dataset_cards() if card.present}
    for name in suite.datasets:
        if name not in here:
            outcome.reasons[name] = f"not on this machine (safebench data prepare {name})"
    chosen = tuple(options.images) or tuple(name for name in suite.datasets if name in here) or (SAMPLE,)
    beside = [RowSpec(name, name, extra=True) for name in suite.offline_inpainters] if SAMPLE in chosen else []
    outcome.rows = (*suite.rows, *beside)
    outcome.datasets = chosen
    able = [row for row in outcome.rows if _can_run("inpainters", row, options, outcome)]
    wanted = (*suite.detectors, *(suite.offline_detectors if suite.detectors and SAMPLE in chosen else ()))
    outcome.detectors = wanted
    specs = [RowSpec(name, name) for name in wanted]
    detectors = [spec.model for spec in specs if _can_run("detectors", spec, options, outcome)]
    for dataset in chosen:
        shared = [row for row in able if not row.own]
        for rows in [shared, *([row] for row in able if row.own)]:
            if rows:
                folder = options.out / "runs" / slug(dataset) / (slug(rows[0].label) if rows[0].own else "together")
                _run(dataset, rows, detectors, folder, options, watcher, outcome)
    return outcome


def _run(
    dataset: str,
    rows: list[RowSpec],
    detectors: list[str],
    folder: Path,
    options: Options,
    watcher: Watcher,
    outcome: Outcome,
) -> None:
    files = {name: file for name, file in options.weights.items() if not any(r.label == name for r in rows if r.own)}
    names = {row.label: _name(row, options.weights) for row in rows}
    own = {row.model: options.weights[row.label] for row in rows if row.own and names[row.label] == row.model}
    taking = {registry.find("inpainters", name)[0].name for name in names.values()} | set(detectors)
    kept = {name: file for name, file in files.items() if name.partition(":")[0] in taking}
    values = {
        "inpainters": list(dict.fromkeys(names.values())),
        "detectors": detectors,
        "images": dataset,
        "masks": options.masks,
        "bins": ",".join(outcome.suite.bins),
        "limit": options.limit,
        "seed": options.seed,
        "device": options.device,
        "lpips_net": options.lpips_net,
        "weights": {**kept, **own},
        "out": str(folder),
    }
    execute(make_config({key: value for key, value in values.items() if value is not None}), watcher)
    results = open_run(folder)
    for row in rows:
        spoken = next((name for name in results.record.inpainters if _same(name, names[row.label])), "")
        outcome.runs[dataset, row.label] = results, spoken


def _name(row: RowSpec, weights: Mapping[str, str]) -> str:
    """What `--inpainter` would say: a model that is nothing but a file is named with it."""
    entry, _ = registry.find("inpainters", row.model)
    return f"{row.model}:{weights[row.label]}" if row.own and entry.card.argument == "file" else row.model


def _same(label: str, name: str) -> bool:
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


def _check_weights(suite: Suite, weights: Mapping[str, str]) -> None:
    """Raise ConfigError where `--weights` names nothing of the table."""
    known = [row.label for row in suite.rows] + [*suite.detectors]
    for name in weights:
        if plain(name.partition(":")[0]) not in {plain(known_name) for known_name in known}:
            raise ConfigError(f"--weights {name}=...: {suite.table} has no such row; it has {', '.join(known)}")
