"""Writing a report in one of the forms that are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safebench.errors import PluginError, StoreError
from safebench.models import registry
from safebench.results.report_format import PaperTableFormat, ReportFormat
from safebench.results.results import Results


def write_report(results: Sequence[Results], out: Path, form: str = "html") -> Path:
    """Write the report of one or more runs into the folder `out`; returns the file to open first.

    Raises UnknownNameError for a form that is not known, StoreError where the folder cannot be written to.
    """
    made: ReportFormat = _format(form, ReportFormat)
    try:
        return made.write(results, out)
    except OSError as error:
        raise StoreError(f"{out}: the report could not be written ({error.strerror or error})") from None


def paper_table(results: Sequence[Results], metrics: Sequence[str], form: str = "latex") -> str:
    """The paper's table of these metrics as one text.

    Raises UnknownNameError for a form or a metric that is not known, PluginError for a form that has no such table.
    """
    made: PaperTableFormat = _format(form, PaperTableFormat)
    return made.paper_table(results, metrics)


def _format(form: str, wanted: Any) -> Any:
    """The form of that name, of the class `wanted`."""
    entry, _ = registry.find("reports", form)
    made = entry.load_class()(entry.card)
    if not isinstance(made, wanted):
        raise PluginError(f"{entry.name}: {type(made)!r} is no subclass of {wanted.__module__}.{wanted.__name__}")
    return made
