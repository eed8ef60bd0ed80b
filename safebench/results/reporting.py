"""Writing a report in one of the forms that are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.errors import PluginError, StoreError
from safebench.models import registry
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results


def write_report(results: Sequence[Results], out: Path, form: str = "html") -> Path:
    """Write the report of one or more runs into the folder `out`; returns the file to open first.

    Raises UnknownNameError for a form that is not known, StoreError where the folder cannot be written to.
    """
    entry, _ = registry.find("reports", form)
    made = entry.load_class()(entry.card)
    if not isinstance(made, ReportFormat):
        raise PluginError(
            f"{entry.name}: {type(made)!r} is no subclass of safebench.results.report_format.ReportFormat"
        )
    try:
        return made.write(results, out)
    except OSError as error:
        raise StoreError(f"{out}: the report could not be written ({error.strerror or error})") from None
