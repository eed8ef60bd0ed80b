"""The paper's tables: what to run for each, and what was measured beside what was published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from safebench.commands.reproduce import Outcome, PaperTables, RowSpec, Suite
from safebench.errors import ConfigError, UnknownNameError
from safebench.files import atomic_write
from safebench.results.results import Results

from .._common.site import POLICY, environment, write_assets
from .published_vs_measured import Comparison, comparison
from .text import as_csv, as_latex, as_text

HERE = Path(__file__).parent


class Adapter(PaperTables):
    """index.html, table.csv and table.tex of one table."""

    def __init__(self, card: Any) -> None:
        super().__init__(card)
        self.tables: dict[str, Any] = msgspec.toml.decode((HERE / "tables.toml").read_bytes())
        self.published: dict[str, Any] = json.loads((HERE / "published.json").read_text(encoding="utf-8"))

    def suite(self, table: str) -> Suite:
        """See `PaperTables.suite`."""
        names = [name for name in self.tables if name.startswith("table")]
        if table not in names:
            raise UnknownNameError(f"the paper has no '{table}'; it has {', '.join(names)}")
        table_spec = self.tables[table]
        return Suite(
            table=table,
            title=table_spec["title"],
            rows=tuple(RowSpec(**row) for row in self.tables["rows"][table_spec["rows"]]),
            datasets=tuple(table_spec["datasets"]),
            bins=tuple(table_spec["bins"]),
            metrics=tuple(table_spec["metrics"]),
            detectors=tuple([table_spec["detector"]] if "detector" in table_spec else []),
            offline_inpainters=tuple(self.tables["offline"]["inpainters"]),
            offline_detectors=tuple(self.tables["offline"]["detectors"]),
        )

    def compare(self, outcome: Outcome, out: Path) -> tuple[Path, str]:
        """See `PaperTables.compare`."""
        found = comparison(outcome, self.published)
        write_assets(out, HERE)
        atomic_write(out / "table.csv", as_csv(found))
        atomic_write(out / "table.tex", as_latex(found).encode())
        page = out / "index.html"
        atomic_write(page, self._page(found).encode())
        return page, as_text(found)

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """Refuses: which table the runs belong to is for `safebench reproduce` to say."""
        del results, out
        raise ConfigError("the paper's tables are made by: safebench reproduce table1 (to table6)")

    def _page(self, found: Comparison) -> str:
        template = environment(HERE).get_template("paper-table.html.j2")
        return template.render(csp=POLICY, found=found, paper=self.published["paper"])
