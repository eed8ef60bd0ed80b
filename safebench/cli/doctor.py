"""`safebench doctor`: versions, device, caches, and which models can run here."""

from __future__ import annotations

import json
import os
import sys

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
    table = Table(title="This machine", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts().items():
        table.add_row(name, Text(value))
    console.print(table)
    for kind in kinds.MODELS:
        console.print(_models(kind))


def examine_json() -> None:
    """Print the same as one JSON object; of a model that can run here the reason is empty."""
    models = {
        kind.name: {name: _why_not(kind.name, name) for name in registry.entries(kind.name)} for kind in kinds.MODELS
    }
    sys.stdout.write(json.dumps({"machine": _facts(), "why_not": models}, indent=1) + "\n")


def _facts() -> dict[str, str]:
    import torch

    return {
        **provenance.versions(),
        "platform": provenance.system(),
        "processors": str(os.cpu_count()),
        "device (auto)": describe_device("auto"),
        "weights and indexes": str(weights.cache_folder()),
        "LPIPS backbones": str(torch.hub.get_dir()),
    }


def _models(kind: Kind) -> Table:
    table = Table(title=f"{kind.heading} that can run here", title_justify="left", header_style="bold")
    for heading in ("name", "runs", "why not"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
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
