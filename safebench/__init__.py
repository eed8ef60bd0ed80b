"""SafeBench: which image inpainters leave no trace, and which forgery detectors find it all the same.

From Python: `safebench.run(...)` runs a benchmark, `safebench.load_inpainter("telea")` and
`safebench.load_detector("splicebuster")` give single models; `safebench.export(...)` hands pictures
to models elsewhere; `safebench.open_run(FOLDER)` opens the results of a run; and `safebench.psnr`,
`safebench.pixel_auc` and the like measure arrays of your own.  Names are imported when first used, so that
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
    from safebench.commands.running import run as run
    from safebench.exchange.folder import ExportedFolder as ExportedFolder
    from safebench.metrics.functions import detection_rate as detection_rate
    from safebench.metrics.functions import detection_rate_at_5 as detection_rate_at_5
    from safebench.metrics.functions import ece as ece
    from safebench.metrics.functions import image_auc as image_auc
    from safebench.metrics.functions import known_changed as known_changed
    from safebench.metrics.functions import l1 as l1
    from safebench.metrics.functions import lpips as lpips
    from safebench.metrics.functions import pixel_acc as pixel_acc
    from safebench.metrics.functions import pixel_ap as pixel_ap
    from safebench.metrics.functions import pixel_auc as pixel_auc
    from safebench.metrics.functions import pixel_f1 as pixel_f1
    from safebench.metrics.functions import pixel_f1_best as pixel_f1_best
    from safebench.metrics.functions import pixel_iou as pixel_iou
    from safebench.metrics.functions import pixel_mcc as pixel_mcc
    from safebench.metrics.functions import psnr as psnr
    from safebench.metrics.functions import ssim as ssim
    from safebench.models.calling import load_detector as load_detector
    from safebench.models.calling import load_inpainter as load_inpainter

_HOMES = {
    "ExportedFolder": "safebench.exchange.folder",
    "Results": "safebench.commands.notebook",
    "export": "safebench.commands.exporting",
    "load_detector": "safebench.models.calling",
    "load_inpainter": "safebench.models.calling",
    "open_run": "safebench.commands.notebook",
    "run": "safebench.commands.running",
}
"""Where a name is defined; those that are not here are metrics."""
__all__ = [
    "ExportedFolder", "Results", "detection_rate", "detection_rate_at_5", "ece", "export", "image_auc", "known_changed",
    "l1", "load_detector", "load_inpainter", "lpips", "open_run", "pixel_acc", "pixel_ap", "pixel_auc", "pixel_f1",
    "pixel_f1_best", "pixel_iou", "pixel_mcc", "psnr", "run", "ssim",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'safebench' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES.get(name, "safebench.metrics.functions")), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
