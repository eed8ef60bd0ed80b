"""`safebench data`: prepare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _data() -> None:
    """Keeps `prepare` a command of its own, though it is the only one."""


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="A data set's name (safebench list datasets), or nvidia (the masks).")],
    source: Annotated[
        Path | None, typer.Option("--from", help="Where it lies already: checked, and remembered.", metavar="DIRECTORY")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to the terms of what is fetched.")
    ] = False,
) -> None:
    """Download a data set where its publisher lets it be downloaded, else say where to get it; check what is there.

    Data sets lie in $SAFEBENCH_DATA/NAME, or in the cache's folder.
    """
    from safebench.inputs import photos as data
    from safebench.inputs.names import is_nvidia
    from safebench.inputs.pictures import find_published

    def agreed(what: str, terms: str) -> bool:
        return accept_licence or (
            sys.stdin.isatty() and typer.confirm(f"{what}: its terms are: {terms}. Do you agree?")
        )

    if is_nvidia(name):
        from safebench.inputs.masks.prepare import prepare_nvidia

        lines = prepare_nvidia(source, agreed)
    elif (published := find_published(name)) is not None:
        from safebench.inputs.pictures.prepare import prepare_pictures

        lines = prepare_pictures(published, source)
    else:
        from safebench.inputs.photos.prepare import prepare as prepare_photos

        lines = prepare_photos(data.find_layout(name), source, agreed)
    for line in lines:
        typer.echo(line)
