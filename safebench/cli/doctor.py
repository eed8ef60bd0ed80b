"""`safebench doctor`: versions, device, caches, and which models can run here."""

from __future__ import annotations

import os

from rich.console import Console
from rich.table import Table
from rich.text import Text

from safebench.errors import SafebenchError
from safebench.models import kinds, registry, weights
from safebench.models.devices import describe_device
from safebench.models.kinds import Kind
from safebench.models.specs import participant
from safebench.runs import provenance


def examine() -> None:
    """Print what a report of a problem should hold; imports every model's code."""
    console = Console()
    console.print(_facts())
    for kind in kinds.MODELS:
        console.print(_models(kind))


def _facts() -> Table:
    import torch

    table = Table(title="This machine", title_justify="left", show_header=False)
    for name, value in provenance.versions().items():
        table.add_row(name, Text(value))
    table.add_row("platform", Text(provenance.system()))
    table.add_row("processors", Text(str(os.cpu_count())))
    table.add_row("device (auto)", Text(describe_device("auto")))
    table.add_row("weights and indexes", Text(str(weights.cache_folder())))
    table.add_row("LPIPS backbones", Text(str(torch.hub.get_dir())))
    return table


def _models(kind: Kind) -> Table:
    table = Table(title=f"{kind.heading} that can run here", title_justify="left", header_style="bold")
    for heading in ("name", "runs", "why not"):
        table.add_column(heading, overflow="fold")
    for name in registry.entries(kind.name):
        reason = _why_not(kind.name, name)
        runs = Text("no", style="yellow") if reason else Text("yes", style="green")
        table.add_row(Text(name, style="bold"), runs, Text(reason))
    return table


def _why_not(kind: str, name: str) -> str:
    try:
        participant(kind, name, fetch=False).entry.load_class()
    except SafebenchError as error:
        return str(error)
    return ""
