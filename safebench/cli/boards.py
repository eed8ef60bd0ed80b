"""`safebench leaderboard`, `submit`, `check`, `publish`: from finished runs to what others read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safebench.cli.reproduce import reproduce

FORMS = {"html": "leaderboard"}
"""What the pages of a leaderboard are called among the forms; every other form bears its own name."""

_Out = Annotated[Path, typer.Option(help="Where it goes.")]


def leaderboard(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs' folders, or files of safebench submit.")],
    out: _Out,
    form: Annotated[str, typer.Option("--format", help="html, latex, markdown, csv or parquet.")] = "html",
) -> None:
    """Rank the inpainters and the detectors of one or more runs; like is compared with like."""
    from safebench.results.reporting import write_report
    from safebench.results.submitting import opened

    with opened(runs) as results:
        typer.echo(str(write_report(results, out, FORMS.get(form, form))))


def submit(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder; its maps are kept (--keep-maps).")],
    out: Annotated[Path | None, typer.Option(help="The file. Default: NAME.safebench.zip.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draws the samples computed again. Default: at random.")] = None,
) -> None:
    """Check a run against its own pictures, and pack it for a leaderboard's maintainer."""
    from safebench.results.submitting import submit

    path, verdict = submit(run, out, seed)
    typer.echo(f"{verdict.figures} figures of {verdict.samples} samples computed again: all as stored", err=True)
    typer.echo(verdict.identity, err=True)
    typer.echo(str(path))


def check(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="What safebench submit wrote, or a run's folder.")],
    seed: Annotated[int | None, typer.Option(help="Draws the samples computed again. Default: at random.")] = None,
) -> None:
    """Check a submission as a leaderboard does: its files, and figures computed again from its own pictures."""
    from safebench.results.submitting import check

    verdict = check(package, seed)
    typer.echo(f"{package}: {verdict.figures} figures of {verdict.samples} samples computed again: all as stored")
    typer.echo(verdict.identity)


def publish(
    site: Annotated[Path, typer.Argument(metavar="DIR", help="What safebench leaderboard or report wrote.")],
    to: Annotated[str, typer.Option(help="hf:OWNER/NAME (a Space and a data set), or a folder of pages.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
) -> None:
    """Publish a site: a static Space with its tables as a data set, or a git folder for any host of pages."""
    from safebench.results.publishing import publish

    publish(site, to, dry_run=dry_run, say=typer.echo)


COMMANDS = (leaderboard, reproduce, submit, check, publish)
