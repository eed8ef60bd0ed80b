"""A page's section that sets conditions side by side: after post-processing, spliced against regenerated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from .cells import Table


@dataclass(frozen=True)
class Compared:
    """What a page shows of several conditions.

    said: the name of the run (or table) and data set that a sentence is about, and the sentence.
    charts: what curves.js draws.
    """

    said: list[tuple[str, Markup]]
    table: Table
    charts: dict[str, Any]
