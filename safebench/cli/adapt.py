"""`safebench adapt`: detectors that learn from the pictures of inpainters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from safebench.cli.lists import split, whole_numbers
from safebench.cli.pairs import pairs
from safebench.errors import ConfigError

Names = list[str] | None


def adapt(
    suite: Annotated[Path | None, typer.Argument(help="A suite file (TOML) with `adapt`; flags override it.")] = None,
    detector: Annotated[
        Names, typer.Option(metavar="NAME", help="Learns, where it has a recipe: iid-net; again for more.")
    ] = None,
    inpainter: Annotated[Names, typer.Option(metavar="NAME", help="Is learned from; again for more, each alone.")] = (
        None
    ),
    others: Annotated[
        Names,
        typer.Option(metavar="NAME", help="An inpainter that is only looked at, before and after; again for more."),
    ] = None,
    images: Annotated[str | None, typer.Option(metavar="PHOTOS", help="A data set's name, or a directory.")] = None,
    masks: Annotated[str | None, typer.Option(help="irregular, nvidia, or a directory. Default: irregular.")] = None,
    bins: Annotated[str | None, typer.Option(help="Hole ratios in %, or all. Default: 10-20,30-40,50-60.")] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="N,N", help="Pictures that are learned from. Default: 100,500,2000.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Of each training. Default: 500.")] = None,
    held_out: Annotated[int | None, typer.Option(help="Photos to judge by. Default: a third, 100 at most.")] = None,
    settings: Annotated[
        Names,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the recipe, or batch_size; again for more."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="So many photos, drawn with the seed. Default: all.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures. Default: 256.")] = None,
    seed: Annotated[int | None, typer.Option(help="Reaches every random draw. Default: 0.")] = None,
    weights: Annotated[Names, typer.Option(metavar="NAME=FILE", help="A model's checkpoint; again for more.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, ... Default: auto.")] = None,
    out: Annotated[
        str | None, typer.Option(help="The run's folder. Default: runs/ and a name made of the inputs.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Let detectors learn from inpainters' pictures; run them before and after on photos that they did not see.

    The same command again goes on. What it makes is a run's folder like any other.
    """
    from safebench.commands.checking import check
    from safebench.runs.config import make_config
    from safebench.runs.options import read_options
    from safebench.training.config import parse_settings

    stored = read_options(suite) if suite else {}
    learned_from = split(inpainter, "--inpainter")
    if others and learned_from is None:
        raise ConfigError("--others: name the inpainter that is learned from, too, by --inpainter")
    given: dict[str, Any] = {
        "inpainters": None
        if learned_from is None
        else list(dict.fromkeys([*learned_from, *(split(others, "--others") or [])])),
        "detectors": split(detector, "--detector"),
        "images": images,
        "masks": masks,
        "bins": bins,
        "adapt": whole_numbers(budget, "--budget") or (None if "adapt" in stored else (100, 500, 2000)),
        "limit": limit,
        "size": size,
        "seed": seed,
        "weights": pairs(weights),
        "device": device,
        "out": out,
    }
    own: dict[str, Any] = {
        "inpainters": learned_from,
        "steps": steps,
        "held_out": held_out,
        "settings": parse_settings(settings) if settings else None,
    }
    chosen = {name: value for name, value in own.items() if value is not None}
    options = {name: value for name, value in given.items() if value is not None}
    config = make_config({**options, "adapt_options": {**stored.get("adapt_options", {}), **chosen}}, suite)
    check(config)
    from safebench.cli.running import run_and_report  # torch and pandas, which take seconds

    raise typer.Exit(run_and_report(config, as_json=json))
