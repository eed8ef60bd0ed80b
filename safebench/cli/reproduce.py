"""`safebench reproduce TABLE`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safebench.cli.lists import split, whole_numbers
from safebench.cli.pairs import pairs
from safebench.cli.panels import words
from safebench.errors import ConfigError, ExitStatus
from safebench.protocol import SIZE

if TYPE_CHECKING:
    from safebench.commands.reproduce_training import Training

_SEEDS = (1, 2)


def reproduce(
    table: Annotated[
        str, typer.Argument(help="table1 to table6.", autocompletion=words(*(f"table{k}" for k in range(1, 7))))
    ],
    images: Annotated[
        list[str] | None,
        typer.Option(help="A data set's name or a directory; again for more. Default: the table's own, else sample."),
    ] = None,
    masks: Annotated[str, typer.Option(help="irregular, nvidia, or a directory.")] = "irregular",
    limit: Annotated[int | None, typer.Option(help="So many photos. Default: all.")] = None,
    weights: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="A model's or a row's checkpoint; again for more.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Reaches every random draw.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    lpips_net: Annotated[str | None, typer.Option(help="alex, vgg or squeeze. Default: alex.")] = None,
    size: Annotated[int, typer.Option(min=32, max=4096, help="Side of the evaluated pictures.")] = SIZE,
    detector: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Looks beside the table's own; again for more.")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Train the networks of table5 or table6 first.")] = False,
    train_images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PHOTOS",
            help="With --train: what they learn from; again for more. Default: --images but what is measured.",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="With --train: of each network. Default: 10000.")] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N,N", help="With --train: one training each for every seed. Default: 1,2.")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(help="With --train: side of the examples. Default: that of the pictures.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="With --train: an option of the recipes; again for more."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where it goes. Default: reproduced/TABLE.")] = None,
) -> None:
    """Run what can run of a table of the SafePaint paper, and show it beside the published figures.

    With --train the networks that nobody publishes are trained first; the same command again goes on.
    """
    from rich.console import Console

    from safebench.cli.progress import watching
    from safebench.commands.reproduce import Options, reproduce

    training = {
        "images": train_images,
        "steps": steps,
        "seeds": whole_numbers(seeds, "--seeds"),
        "resolution": resolution,
        "settings": settings,
    }
    if not train and (stray := next((name for name, value in training.items() if value is not None), "")):
        option = {"images": "train-images", "settings": "set"}.get(stray, stray)
        raise ConfigError(f"--{option}: belongs to --train")
    options = Options(
        out=out or Path("reproduced") / table,
        images=tuple(images or ()),
        weights=pairs(weights) or {},
        limit=limit,
        masks=masks,
        seed=seed,
        device=device,
        lpips_net=lpips_net,
        size=size,
        detectors=split(detector, "--detector") or (),
        train=_training(training, size, device) if train else None,
    )
    with watching(Console(stderr=True)) as watcher:
        page, text, failures = reproduce(table, options, watcher)
    typer.echo(text)
    typer.echo(f"Page: {page}")
    if failures:
        typer.echo(f"Failed: {failures} samples; the reports of the runs in {options.out / 'runs'} list them", err=True)
        raise typer.Exit(ExitStatus.FAILURES)


def _training(given: Mapping[str, Any], size: int, device: str) -> Training:
    """How the table's networks are trained, from what the user gave; raises ConfigError for what cannot be."""
    from safebench.commands.reproduce_training import Training
    from safebench.training.config import TrainConfig, parse_settings

    return Training(
        images=tuple(given["images"] or ()),
        steps=TrainConfig().steps if given["steps"] is None else given["steps"],
        seeds=_SEEDS if given["seeds"] is None else given["seeds"],
        resolution=size if given["resolution"] is None else given["resolution"],
        settings=parse_settings(given["settings"] or ()),
        device=device,
    )
