"""From the options of `safebench train` to a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from safebench.cli.progress import watching
from safebench.errors import PluginError
from safebench.models import registry
from safebench.training.config import make_configs, parse_settings
from safebench.work.watching import Silent


def train_model(
    name: str, preset: str, file: Path | None, settings: Sequence[str], options: Mapping[str, Any], *, resume: bool
) -> Path:
    """Train `name`; prints and returns the product's path.  Raises a SafebenchError for what a user can mend."""
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
