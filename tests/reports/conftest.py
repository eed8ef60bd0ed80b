"""Fixtures of the reports' tests: runs made by hand, and the form that reports them."""

from __future__ import annotations

from typing import Any

import pytest

from safebench.models import registry
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .making import Maker, MakeRun


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """A run of three inpainters, two controls and two detectors; whatever a test names is made another way."""

    def make(name: str = "run", **changes: Any) -> Results:
        return Maker(tmp_path_factory.mktemp("runs") / name, **changes).write()

    return make


@pytest.fixture(scope="session")
def form() -> ReportFormat:
    """The HTML form, through the door that any form uses."""
    entry, _ = registry.find("reports", "html")
    made: ReportFormat = entry.load_class()(entry.card)
    return made
