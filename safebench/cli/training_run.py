"""From the options of `safebench train` to a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from safebench.cli.progress import watching
from safebench.errors import PluginError, StoreError
from safebench.models import registry
from safebench.training.config import make_configs, parse_settings
from safebench.work.watching import Silent


def train_model(
    name: str, preset: str, file: Path | None, settings: Sequence[str], options: Mapping[str, Any], *, resume: bool
) -> Path:
    """Train `name`; prints and returns the product's path.  Raises a SafebenchError for what a user can mend.

    name: of a recipe, or, with `resume` and no `out`, a training's folder, whose options are taken as they were.
    """
    if resume and "out" not in options and Path(name).is_dir():
        name, preset, options = _as_begun(Path(name), options)
    entry, _ = registry.find("recipes", name)
    made = entry.load_class()
    config, own = make_configs(made, entry.name, preset, file, {**parse_settings(settings), **options})
    try:
        from safebench.training.loop import Trainer, limit_threads
    except ImportError as error:
        raise PluginError(f"training needs more: {error}; install it with: pip install 'safebench[train]'") from None
    limit_threads()
    recipe = made(entry.card, own)
    console = Console(stderr=True)
    quiet = Trainer(entry, recipe, config, preset, Silent())
    with watching(console) as watcher:
        if quiet.accelerator.is_main_process:
            quiet.watcher = watcher
        product = quiet.run(resume)
    if quiet.accelerator.is_main_process:
        Console(soft_wrap=True).print(f"Trained: {product}", highlight=False, markup=False)
    return product


def _as_begun(folder: Path, options: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """The recipe, the preset and the options of the training in a folder, with `options` laid over them."""
    from safebench.training import checkpoint

    about = checkpoint.load(folder / checkpoint.FILE).about
    try:
        stored = {**about["config"], **about["recipe"]}
        return about["model"], about["preset"], {**stored, **options, "out": str(folder)}
    except (KeyError, TypeError):
        raise StoreError(f"{folder / checkpoint.FILE}: does not say how it was begun; name the recipe too") from None
