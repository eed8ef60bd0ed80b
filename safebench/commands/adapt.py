"""Detectors that learn from what hides from them: before and after, on photos that they did not learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock
import msgspec
from msgspec import structs

from safebench.commands import adapt_training as training
from safebench.commands.adapt_split import Split, split_photos
from safebench.commands.adapt_training import Learner, Learning
from safebench.commands.checking import check
from safebench.commands.run import execute, folder_of
from safebench.errors import ConfigError, DataError, StoreError
from safebench.files import atomic_write, file_errors
from safebench.models.specs import ModelSpec, choose, files_of, meant
from safebench.protocol import NO_POSTPROCESS, parse_bins
from safebench.results.results import Results
from safebench.runs.config import AdaptOptions, RunConfig
from safebench.runs.failures import in_words
from safebench.runs.folder import LEARNING, NOT_HELD_OUT, NOT_LEARNED_FROM, check_run_folder
from safebench.training.config import differences
from safebench.training.pictures import MadePicture
from safebench.work.watching import Watcher

_CONTROL = "control"
_ABOUT = "adapt.json"
_FIXED = ("images", "masks", "mask_threshold", "bins", "limit", "exclude", "seed", "size", "precision", "assembly")
"""Options that a folder's trainings depend on; budgets and models may be added later."""


def adapt(config: RunConfig, watcher: Watcher) -> Results:
    """Split the photos, let detectors learn from inpainters' pictures, and run all of them on the held-out photos.

    The run's folder holds, in `adapt/`, what they learned from (an ordinary run) and their trainings.  Killed and
    called again, it goes on and ends with the same tables.  Raises a SafebenchError for what keeps it from beginning
    before any work is spent.
    """
    check(config)
    learnings, teachers, detectors = planned(config, watcher)
    folder = folder_of(config)
    check_run_folder(folder)
    with file_errors(folder), _alone(folder / LEARNING):
        split = split_photos(config, watcher)
        _keep_to(folder / LEARNING, config, split)
        made = _fill(config, teachers, split, folder / LEARNING, watcher)
        pictures = {teacher.label: _pictures(made, teacher.label, split, config) for teacher in teachers}
        products: dict[str, Path] = {}
        for learning in learnings:
            learned = pictures[learning.teacher][: learning.pictures]
            products[learning.label] = training.train(
                learning, learned, made.record.photos, config, folder / LEARNING / "trainings", watcher
            )
        return execute(_judged(config, detectors, learnings, products, split, folder), watcher)


def planned(config: RunConfig, watcher: Watcher) -> tuple[list[Learning], list[ModelSpec], list[ModelSpec]]:
    """The trainings, the inpainters that are learned from, and all detectors; raises for what cannot be."""
    inpainters, _ = choose("inpainters", config.inpainters, config.weights, config.seed)
    detectors, _ = choose("detectors", config.detectors, config.weights, config.seed)
    named = config.adapt_options.inpainters
    if strange := [name for name in named if not meant([name], inpainters)]:
        raise ConfigError(f"adapt_options: {strange[0]} is none of the run's inpainters, so nothing learns from it")
    labels = meant(named, inpainters)
    teachers = [s for s in inpainters if (s.label in labels if named else s.entry.card.family != _CONTROL)]
    if not teachers:
        raise ConfigError("no inpainter is named to learn from: use --inpainter NAME (controls are none)")
    learners = _learners(detectors, watcher)
    least = len(parse_bins(config.bins)) + 1
    if min(config.adapt) < least:
        raise ConfigError(
            f"--budget {min(config.adapt)}: has to be at least {least}, since one photo's pictures choose the step and "
            f"another's are learned from ({least - 1} a photo)"
        )
    budgets = sorted(config.adapt)
    learnings = [Learning(one, teacher.label, n) for one in learners for teacher in teachers for n in budgets]
    for learning in learnings:
        training.check_learning(learning, config)
    if len({learning.label for learning in learnings}) < len(learnings):
        raise ConfigError("two inpainters' names read alike in the name of a detector: give one another (NAME=MODEL)")
    return learnings, teachers, detectors


def _learners(detectors: Sequence[ModelSpec], watcher: Watcher) -> list[Learner]:
    """Those of the detectors that can learn; raises ConfigError where none can, and says why the others cannot."""
    learners, reasons = [], []
    for spec in detectors:
        try:
            learners.append(training.learner_of(spec))
        except ConfigError as error:
            reasons.append(str(error))
    if not learners:
        raise ConfigError(f"no detector can learn here: {'; '.join(reasons) or 'none is named (--detector)'}")
    for reason in reasons:
        watcher.note(f"stays as it is: {reason}")
    return learners


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder; raises StoreError where another process does."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            yield
    except filelock.Timeout:
        raise StoreError(f"{folder}: another command is at work in this folder; wait for it, or choose --out") from None


def _keep_to(folder: Path, config: RunConfig, split: Split) -> None:
    """Write what the trainings depend on; raises StoreError where the folder was begun otherwise."""
    options = structs.replace(config.adapt_options, inpainters=())
    about = {
        **{name: getattr(config, name) for name in _FIXED},
        **{field: getattr(options, field) for field in AdaptOptions.__struct_fields__},
        "held-out photos": split.fingerprint[:16],
    }
    now = msgspec.json.decode(msgspec.json.encode(about))
    path = folder / _ABOUT
    if path.exists():
        try:
            before = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        except msgspec.DecodeError as error:
            raise StoreError(f"{path}: cannot be read ({error}); remove the folder to begin anew") from None
        if others := differences(before, now, may_change=()):
            raise StoreError(f"{folder}: was begun otherwise ({'; '.join(others)}); name a new folder by --out")
    atomic_write(path, msgspec.json.format(msgspec.json.encode(now), indent=2) + b"\n")
    split.write(folder)


def _fill(config: RunConfig, teachers: Sequence[ModelSpec], split: Split, folder: Path, watcher: Watcher) -> Results:
    """The run that makes the pictures to learn from."""
    left_out = folder / NOT_LEARNED_FROM
    atomic_write(left_out, split.left_out(split.learning))
    entries, labels = [spec.entry for spec in teachers], [spec.label for spec in teachers]
    return execute(
        structs.replace(
            config,
            inpainters=tuple(spec.written for spec in teachers),
            detectors=(),
            weights=files_of(config.weights, entries, labels),
            exclude=str(left_out),
            limit=None,
            postprocess=(NO_POSTPROCESS,),
            assembly=config.assembly[:1],
            metrics=(),
            rerun=(),
            adapt=(),
            adapt_options=AdaptOptions(),
            out=str(folder / "learning"),
        ),
        watcher,
    )


def _pictures(made: Results, teacher: str, split: Split, config: RunConfig) -> list[MadePicture]:
    """The pictures of an inpainter in the order in which they are learned from: photo by photo, each with all holes.

    Raises DataError where pictures failed and too few are left.
    """
    samples = made.samples.set_index("sample")
    rows = made.quality[made.quality["inpainter"] == teacher]
    well = rows[rows["error"] == ""]
    if len(well) < max(config.adapt):
        raise DataError(
            f"{teacher}: {len(rows) - len(well)} of {len(rows)} pictures to learn from failed "
            f"({in_words(rows['error'][rows['error'] != ''])}); {max(config.adapt)} are asked for, so name a smaller "
            "--budget, or the same command again to try those"
        )
    rank = {name: k for k, name in enumerate(split.learning)}
    pictures = []
    for row in well.to_dict("records"):
        sample = samples.loc[row["sample"]]
        place = (rank[sample["photo_name"]], sample["bin"])
        picture = MadePicture(
            photo=sample["photo_name"],
            photo_sha256=sample["photo_sha256"],
            picture=made.folder / row["composite"],
            hole=made.folder / sample["mask"],
            original=made.folder / sample["original"],
            content=row["composite_sha256"],
        )
        pictures.append((place, picture))
    return [picture for _, picture in sorted(pictures, key=lambda pair: pair[0])]


def _judged(
    config: RunConfig,
    detectors: Sequence[ModelSpec],
    learnings: Sequence[Learning],
    products: dict[str, Path],
    split: Split,
    folder: Path,
) -> RunConfig:
    """The run of all detectors, as they are and as they are after learning, on the held-out photos."""
    left_out = folder / LEARNING / NOT_HELD_OUT
    atomic_write(left_out, split.left_out(split.held_out))
    names = []
    for spec in detectors:
        names += [spec.written, *(one.name for one in learnings if one.learner.spec is spec)]
    return structs.replace(
        config,
        detectors=tuple(names),
        weights={**config.weights, **{label: str(path) for label, path in products.items()}},
        exclude=str(left_out),
        limit=None,
        adapt=(),
        adapt_options=AdaptOptions(),
        out=str(folder),
    )
