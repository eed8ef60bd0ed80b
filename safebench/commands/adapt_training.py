"""A detector goes on learning from pictures that an inpainter has made: one training for each number of them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safebench.errors import ConfigError, PluginError, StoppedError
from safebench.keys import digest, slug
from safebench.models import registry
from safebench.models.adapted import Adapted
from safebench.models.contracts import Recipe
from safebench.models.labels import check_label
from safebench.models.registry import Entry
from safebench.models.specs import ModelSpec
from safebench.models.training_photos import listing, stored_listing, training_sets
from safebench.models.weights import Checkpoint
from safebench.runs.config import RunConfig
from safebench.runs.record import Photos
from safebench.training.config import TrainConfig, make_configs
from safebench.training.data import AnyData, Data
from safebench.training.pictures import ChoosingPictures, LearnedPictures, MadePicture, choosing_and_learned
from safebench.weights.read.checkpoints import load_state
from safebench.work.watching import Watcher

OF_THE_LOOP = ("batch_size", "precision", "product", "workers")
"""Options of the loop that may be chosen; the others follow from the run."""
_VALIDATIONS = 10


@dataclass(frozen=True)
class Learner:
    """A detector that can go on learning: its recipe, and the checkpoint that it goes on from."""

    spec: ModelSpec
    recipe: Entry
    start: Checkpoint


@dataclass(frozen=True)
class Learning:
    """One training: who learns from whom, and from how many pictures."""

    learner: Learner
    teacher: str
    pictures: int

    @property
    def label(self) -> str:
        """What the detector is called then: `iid-net@safepaint-500`."""
        return re.sub(r"[^\w .@-]+", "-", f"{self.learner.spec.label}@{self.teacher}-{self.pictures}")

    @property
    def name(self) -> str:
        """What `--detector` says for it."""
        spec = self.learner.spec
        return f"{self.label}={spec.entry.name}" + (f":{spec.variant}" if spec.variant else "")

    @property
    def recipe(self) -> type[Recipe]:
        """The class of its recipe."""
        loaded: type[Recipe] = self.learner.recipe.load_class()
        return loaded


def learner_of(spec: ModelSpec) -> Learner:
    """A detector with what it learns by; raises ConfigError, in a sentence that names it, where it cannot learn."""
    recipes = registry.entries("recipes")
    entry = recipes.get(spec.entry.name)
    if entry is None or entry.folder != spec.entry.folder:
        known = [name for name, recipe in recipes.items() if _learns_from_pictures(recipe)]
        raise ConfigError(f"{spec.label}: has no recipe to learn by; {', '.join(known) or 'no detector'} can learn")
    if not _learns_from_pictures(entry):
        raise ConfigError(f"{spec.label}: its recipe learns from photos and holes, not from pictures that are made")
    if spec.checkpoint is None:
        raise ConfigError(f"{spec.label}: it has no weights to go on from")
    return Learner(spec, entry, spec.checkpoint)


def check_learning(learning: Learning, config: RunConfig) -> None:
    """Raise the SafebenchError of what keeps a training from beginning, before anything is made for it."""
    check_label("detectors", learning.label, learning.learner.spec.entry.name)
    fixed = {*learning.recipe.of_examples, *learning.recipe.options_of(load_state(learning.learner.start.path))}
    known = [*(name for name in learning.recipe.Config.__struct_fields__ if name not in fixed), *OF_THE_LOOP]
    if strange := [name for name in config.adapt_options.settings if name not in known]:
        raise ConfigError(f"--set {strange[0]}=...: cannot be chosen here; {', '.join(known)} can")
    _configs(learning, config, Path("adapt"))
    try:
        importlib.import_module("safebench.training.loop")
    except ImportError as error:
        raise PluginError(f"training needs more: {error}; install it with: pip install 'safebench[train]'") from None


def train(
    learning: Learning,
    pictures: Sequence[MadePicture],
    photos: Photos,
    config: RunConfig,
    folder: Path,
    watcher: Watcher,
) -> Path:
    """Train in a folder of its own in `folder`, or go on there; returns the product's path.

    pictures: those that it learns from, and no others.  photos: what is on record of the photos that they are of.
    Raises StoreError where the folder holds a training on other pictures, StoppedError where it was interrupted.
    """
    from safebench.training.checkpoint import FILE
    from safebench.training.loop import Trainer

    entry = learning.learner.recipe
    place = folder / slug(learning.label, 80)
    training, own = _configs(learning, config, place)
    recipe = learning.recipe(entry.card, own)
    watcher.note(f"{learning.label}: learns from {learning.pictures} pictures of {learning.teacher}")
    try:
        data = _data(learning, pictures, photos, recipe, training)
        return Trainer(entry, recipe, training, "", watcher, data).run(resume=(place / FILE).exists())
    except StoppedError:
        raise StoppedError("stopped; the same command goes on") from None


def _data(
    learning: Learning, pictures: Sequence[MadePicture], photos: Photos, recipe: Recipe, training: TrainConfig
) -> AnyData:
    choosing, learned = choosing_and_learned(pictures)
    own = listing({(picture.photo, picture.photo_sha256) for picture in pictures})
    seen = sorted({*own.splitlines(), *stored_listing(learning.learner.spec).splitlines()})
    about = Adapted(
        detector=learning.learner.spec.label,
        start=learning.learner.start.sha256,
        inpainter=learning.teacher,
        pictures=learning.pictures,
        steps=training.steps,
    )
    return Data(
        training=LearnedPictures(learned, recipe, training.seed),
        held_out=ChoosingPictures(choosing, recipe),
        fingerprints={
            "photos": digest([picture.content for picture in learned]),
            "validation": digest([picture.content for picture in choosing]),
        },
        listing="".join(f"{line}\n" for line in seen),
        summary=f"{len(pictures):,} pictures that {learning.teacher} made of photos of {photos.name}, of which "
        f"{len(choosing)} chose the step; begun from {learning.learner.spec.label}",
        licences=f"{photos.name}: {photos.licence}",
        sets=tuple(dict.fromkeys((*training_sets(learning.learner.spec), photos.name))),
        adapted=about.text,
    )


def _configs(learning: Learning, config: RunConfig, place: Path) -> tuple[TrainConfig, Any]:
    """The loop's options and the recipe's; raises the SafebenchError of what cannot be."""
    start = learning.learner.start.path
    steps = config.adapt_options.steps
    device = "auto" if config.engine != "local" else config.device
    options = {
        **learning.recipe.options_of(load_state(start)),
        "images": [f"pictures of {learning.teacher}"],
        "steps": steps,
        "validate_every": max(1, steps // _VALIDATIONS),
        "resolution": config.size,
        "seed": config.seed,
        "device": device.partition(":")[0],
        "init": str(start),
        "out": str(place),
        **config.adapt_options.settings,
    }
    return make_configs(learning.recipe, learning.learner.recipe.name, "", None, options)


def _learns_from_pictures(entry: Entry) -> bool:
    return entry.load_class().picture_example is not Recipe.picture_example
