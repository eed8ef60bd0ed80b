"""SafeBench: which image inpainters leave no trace, and which forgery detectors find it all the same.

From Python: `safebench.run(...)` runs a benchmark, `safebench.load_inpainter("telea")` and
`safebench.load_detector("splicebuster")` give single models; `safebench.export(...)` hands pictures
to models elsewhere.  Names are imported when first used, so that
`import safebench` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from safebench.version import __version__ as __version__

if TYPE_CHECKING:
    from safebench.commands.exporting import export as export
    from safebench.commands.notebook import Results as Results
    from safebench.commands.notebook import open_run as open_run
    from safebench.commands.run import run as run
    from safebench.exchange.folder import ExportedFolder as ExportedFolder
    from safebench.models.calling import load_detector as load_detector
    from safebench.models.calling import load_inpainter as load_inpainter

_HOMES = {
    "ExportedFolder": "safebench.exchange.folder",
    "export": "safebench.commands.exporting",
    "load_detector": "safebench.models.calling",
    "load_inpainter": "safebench.models.calling",
    "run": "safebench.commands.run",
    "Results": "safebench.commands.notebook",
    "open_run": "safebench.commands.notebook",
}
__all__ = ["ExportedFolder", "Results", "export", "load_detector", "load_inpainter", "open_run", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'safebench' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
