"""Models elsewhere: `safebench export`, and `safebench verify-adapter` beside their authors' own code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


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


def verify_adapter(
    name: Annotated[str, typer.Argument(help="A model here: NAME or NAME:VARIANT.")],
    against: Annotated[str, typer.Option(help="Its authors' own code: command:FILE.toml (docs/exchange.md).")],
    kind: Annotated[str | None, typer.Option(help="inpainters or detectors, where NAME is both.")] = None,
    images: Annotated[str, typer.Option(help="sample, a data set's name, or a directory.")] = "sample",
    limit: Annotated[int, typer.Option(min=1, help="So many photos.")] = 4,
    size: Annotated[int, typer.Option(min=32, help="Side of the pictures.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Reaches every random draw.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    weights: Annotated[list[str] | None, typer.Option(metavar="NAME=FILE", help="The model's checkpoint.")] = None,
) -> None:
    """Run a model beside its authors' own code on the same pictures, and print the largest differences."""
    from safebench.cli.fitting import fit
    from safebench.cli.pairs import pairs
    from safebench.commands.verifying_adapters import KINDS
    from safebench.commands.verifying_adapters import verify_adapter as verify
    from safebench.errors import ConfigError

    if kind is not None and kind not in KINDS:
        raise ConfigError(f"--kind {kind}: has to be {' or '.join(KINDS)}")
    compared = verify(
        name,
        against,
        kind=kind,
        images=images,
        limit=limit,
        size=size,
        seed=seed,
        device=device,
        weights=pairs(weights),
    )
    table = Table(title=Text(f"{compared.ours} beside {compared.theirs}"), title_justify="left")
    for heading in ("picture", "of", "largest difference", "mean difference", "at column, row"):
        table.add_column(heading, overflow="fold")
    for row in compared.differences:
        place = "-" if row.place is None else f"{row.place[0]}, {row.place[1]}"
        table.add_row(Text(row.picture), row.what, f"{row.largest:.3g}", f"{row.mean:.3g}", place)
    table.caption = "Values lie in [0, 1]; one step of an 8-bit file is 0.0039, of a 16-bit one 0.000015."
    console = Console()
    console.print(fit(table, console.width))


COMMANDS = (export, verify_adapter)
