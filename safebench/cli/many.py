"""`safebench inpaint DIR` and `safebench detect DIR` at the terminal: progress, and how many failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from safebench.errors import ConfigError, ExitStatus

if TYPE_CHECKING:
    from safebench.commands.many import Done
    from safebench.work.watching import Watcher


def needed(path: Path | None, option: str) -> Path:
    """The path; raises ConfigError where it is not given."""
    if path is None:
        raise ConfigError(f"{option} is missing: name one image, or a folder of many before the options")
    return path


def refuse(options: Mapping[str, object]) -> None:
    """Raise ConfigError for the first option that is given and belongs to one image."""
    for option, value in options.items():
        if value is not None:
            raise ConfigError(f"{option}: belongs to one image, and a folder is named")


def inpaint(
    name: str, folder: Path, masks: Path | None, out: Path, weights: Path | None, seed: int, device: str,
    mask_threshold: int | None, options: Mapping[str, str],
) -> ExitStatus:  # fmt: skip
    """Fill the holes of a folder's photos."""
    from safebench.commands.many import inpaint_folder  # torch, which takes seconds

    return _watched(
        lambda watcher: inpaint_folder(
            name,
            folder,
            masks,
            out,
            watcher,
            weights=weights,
            seed=seed,
            device=device,
            mask_threshold=mask_threshold,
            options=options,
        )
    )


def detect(
    name: str, folder: Path, out: Path, weights: Path | None, seed: int, device: str, tile: int | None
) -> ExitStatus:
    """Look for inpainting in a folder's images."""
    from safebench.commands.many import detect_folder

    return _watched(
        lambda watcher: detect_folder(name, folder, out, watcher, weights=weights, seed=seed, device=device, tile=tile)
    )


def _watched(work: Callable[[Watcher], Done]) -> ExitStatus:
    from rich.console import Console

    from safebench.cli.progress import watching

    with watching(Console(stderr=True)) as watcher:
        done = work(watcher)
    failed = f", {done.failed:,} of them failed, each with its reason" if done.failed else ""
    typer.echo(f"{done.images:,} images{failed}: {done.ledger}")
    return ExitStatus.FAILURES if done.failed else ExitStatus.DONE
