"""What a report format has to be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from safebench.models.cards import Card
from safebench.results.results import Results


class ReportFormat(ABC):
    """A format of report: turns the tables of finished runs into files."""

    def __init__(self, card: Card) -> None:
        self.card = card

    @abstractmethod
    def write(self, results: Sequence[Results], out: Path) -> Path:
        """Write the report of one or more runs into the folder `out`; returns the file to open first."""


class PaperTableFormat(ReportFormat):
    """A format that also gives the paper's table as one text: inpainters in rows, detectors and bins in columns."""

    @abstractmethod
    def paper_table(self, results: Sequence[Results], metrics: Sequence[str]) -> str:
        """One table for each of the metrics (their keys) and data sets; raises UnknownNameError for another metric."""
