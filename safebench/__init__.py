"""SafeBench: which image inpainters leave no trace, and which forgery detectors find it all the same.

From Python: `safebench.run(...)` runs a benchmark, `safebench.load_inpainter("telea")` and
`safebench.load_detector("splicebuster")` give single models.  Names are imported when first used, so that
`import safebench` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safebench.models import load_detector as load_detector
    from safebench.models import load_inpainter as load_inpainter
    from safebench.results import Results as Results
    from safebench.results import open_run as open_run
    from safebench.running import run as run

__version__ = "0.1.0"

_HOMES = {
    "load_detector": "safebench.models",
    "load_inpainter": "safebench.models",
    "run": "safebench.running",
    "Results": "safebench.results",
    "open_run": "safebench.results",
}
__all__ = ["Results", "load_detector", "load_inpainter", "open_run", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'safebench' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
