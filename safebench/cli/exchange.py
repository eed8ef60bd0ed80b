"""`safebench export`: pictures go out to models elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def export(
    source: Annotated[Path, typer.Argument(metavar="SUITE|RUN", help="A suite file (TOML), or a run's folder.")],
    to: Annotated[Path, typer.Option(help="The folder to write; docs/exchange.md tells its format.")],
    for_: Annotated[
        str | None,
        typer.Option("--for", help="inpainters or detectors. Default: inpainters of a suite, detectors of a run."),
    ] = None,
    hole: Annotated[str, typer.Option(help="The colour of holes in the masks: white or black.")] = "white",
) -> None:
    """Write what a model elsewhere is to fill or to look at; its answers come back by --inpainter files:DIR."""
    from safebench.cli.progress import watching
    from safebench.commands.exporting import export as write
    from safebench.errors import ConfigError

    for option, value, words in (("--for", for_, ("inpainters", "detectors")), ("--hole", hole, ("white", "black"))):
        if value is not None and value not in words:
            raise ConfigError(f"{option} {value}: has to be {' or '.join(words)}")
    with watching(Console(stderr=True)) as watcher:
        folder = write(source, to, kind=for_, hole=hole, watcher=watcher)  # type: ignore[arg-type]
    option = f"--{folder.kind.removesuffix('s')}"
    typer.echo(f"{len(folder)} pictures: {to}; put the answers, by the same names, into {folder.answers}, then run")
    typer.echo(f"safebench run ... {option} LABEL=files:{to}")


COMMANDS = (export,)
