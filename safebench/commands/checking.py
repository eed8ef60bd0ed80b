"""What can be known to be wrong with a run before anything heavy is imported; torch alone takes seconds."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import sys
from pathlib import Path

from safebench.errors import ConfigError, PluginError
from safebench.files import expanded, read_text
from safebench.inputs.names import check_directory, mask_set
from safebench.inputs.photos import check_photos
from safebench.inputs.pictures import check_pictures
from safebench.keys import plain
from safebench.models import registry, weights
from safebench.models.cards import Card
from safebench.models.labels import check_label, check_told_apart, split_label
from safebench.models.options import check_given
from safebench.models.registry import Entry
from safebench.models.specs import check_names, check_rerun, check_values, named_file
from safebench.route.chains import KIND, entries_of, expand
from safebench.runs.config import RunConfig
from safebench.runs.folder import check_run_folder

_ENGINES = {"ray": "ray", "slurm": "submitit"}
_DEVICES = ("cpu", "cuda", "mps", "xpu", "hpu", "npu", "xla", "mtia", "privateuseone")


def check(config: RunConfig) -> None:
    """Raise the SafebenchError of the first thing that keeps the run from beginning, as far as names, cards and the
    file system tell; what only a network's bytes or torch can tell is told later."""
    _check_device(config)
    _check_options(config)
    entries = [
        entry
        for kind, names in (("inpainters", config.inpainters), ("detectors", config.detectors))
        for name in names
        for entry in _entries(kind, name, config)
    ]
    steps = [step for chain in expand(config.postprocess) for step in entries_of(chain)]
    for entry, argument in steps:
        named = named_file(KIND, f"{entry.name}:{argument}", config.weights)
        weights.check(entry, argument, named)
    labels = {split_label(name)[0] for name in (*config.inpainters, *config.detectors)}
    check_names(config.weights, [*entries, *(entry for entry, _ in steps)], labels)
    check_rerun(config.rerun, entries, labels)
    for names in (config.inpainters, config.detectors):
        check_told_apart(names)
    if config.pictures is None:
        check_photos(config.images)
        if config.exclude is not None:
            read_text(expanded(config.exclude))
        if not mask_set(config.masks):
            check_directory(expanded(config.masks))
    else:
        check_pictures(config.pictures, config.exclude)
    if config.out is not None:
        check_run_folder(expanded(config.out))
    needed = _ENGINES.get(config.engine)
    if needed and importlib.util.find_spec(needed) is None:
        raise PluginError(
            f"--engine {config.engine} needs more: install it with: pip install 'safebench[{config.engine}]'"
        )


def _entries(kind: str, name: str, config: RunConfig) -> list[Entry]:
    """What a name stands for; raises where that is not there, lacks its weights, or does not take the run's size."""
    if plain(name) == "all":
        return list(registry.entries(kind).values())
    label, model = split_label(name)
    entry, variant = registry.find(kind, model)
    if label:
        check_label(kind, label, entry.name)
    weights.check(entry, variant, named_file(kind, name, config.weights))
    wanted = entry.card.input.unfit(config.size, config.size) if isinstance(config.size, int) else ""
    if wanted:
        raise ConfigError(f"--size {config.size}: {entry.name} takes {wanted}")
    if kind == "detectors" and config.tile and (why := entry.card.input.untiled(config.tile)):
        raise ConfigError(f"--tile {config.tile}: {entry.name} {why}; leave one of them out")
    return [entry]


def _check_options(config: RunConfig) -> None:
    """What `--set` gives, before any weights are looked for.

    Values are checked of models that are named: of `all`, one may need an extra that is not there.
    """
    names = [("inpainters", name) for name in config.inpainters] + [("detectors", name) for name in config.detectors]
    known: list[tuple[Card, str]] = []
    named: list[tuple[Entry, str]] = []
    for kind, name in names:
        label, model = split_label(name)
        if plain(model) == "all":
            known += [(entry.card, label) for entry in registry.entries(kind).values()]
        else:
            named.append((registry.find(kind, model)[0], label))
    check_given(config.set, [*known, *((entry.card, label) for entry, label in named)])
    for entry, label in named:
        check_values(entry, label, config.set)


def _check_device(config: RunConfig) -> None:
    match = re.fullmatch(r"([a-z]+)(:\d+)?", config.device)
    if config.device != "auto" and (match is None or match[1] not in _DEVICES):
        raise ConfigError(f"--device {config.device}: is no device; use auto, cpu, cuda, or cuda:1 for the second GPU")
    if match and match[1] == "cuda" and config.engine == "local" and _surely_without_gpu():
        raise ConfigError(f"--device {config.device}: cannot be used here (there is no driver of a GPU)")


def _surely_without_gpu() -> bool:
    """Whether neither NVIDIA's driver nor AMD's is there, as far as Linux tells; torch has the last word elsewhere."""
    if sys.platform != "linux" or Path("/dev/kfd").exists():
        return False
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return True
    return False
