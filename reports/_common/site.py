"""What pages have in common: the files that they load, the templates, and what a browser may do for them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

import jinja2

from safebench.files import atomic_write

from .words import plural

HERE = Path(__file__).parent
ASSETS = "assets"
PLOT_STYLE = """:where(.chart) {
  --plot-background: white;
  display: block;
  height: auto;
  height: intrinsic;
  max-width: 100%;
}
:where(.chart text),
:where(.chart tspan) {
  white-space: pre;
}"""
"""The style sheet that Observable Plot writes into each chart (class name `chart`): the only one allowed inline."""


def write_assets(out: Path, form: Path) -> None:
    """Copy what pages load into `out`/assets: what all share, and what the form in the folder `form` adds."""
    for folder in (HERE / "static", HERE / "vendor", form / "static"):
        for path in sorted(folder.iterdir()):
            atomic_write(out / ASSETS / path.name, path.read_bytes())


@cache
def environment(form: Path) -> jinja2.Environment:
    """The templates of the form in the folder `form` and the shared ones; Jinja escapes all that comes from a run.

    One for all pages of a process: each compiles its templates once.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([form / "templates", HERE / "templates"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["plural"] = plural
    made.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return made


def _policy() -> str:
    """A Content-Security-Policy under which nothing is loaded but the report's own files."""
    plot = base64.b64encode(hashlib.sha256(PLOT_STYLE.encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'sha256-{plot}'",
            "img-src 'self' blob:",  # a chart that is being saved as PNG, which no markup can name
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


POLICY = _policy()
