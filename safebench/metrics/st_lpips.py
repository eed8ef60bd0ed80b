"""ST-LPIPS, which a shift of a pixel or two hardly moves (Ghildyal and Liu, ECCV 2022), by the authors' package."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.errors import PluginError
from safebench.metrics.evidence import CompositeEvidence
from safebench.metrics.feature import Network
from safebench.metrics.metric import Metric

NETWORK = "st_lpips"


@cache
def _load(device: Any) -> Any:
    """The network with the AlexNet that the package brings; raises PluginError where it is missing."""
    try:
        from stlpips_pytorch import stlpips
    except ImportError as error:
        raise PluginError(
            f"ST-LPIPS needs more ({error}); install it with: pip install 'safebench[st-lpips]'"
        ) from None
    return stlpips.LPIPS(net="alex", variant="shift_tolerant", verbose=False).to(device)


def _distance(evidence: CompositeEvidence) -> float:
    import torch  # slow to import, and not needed to read tables

    network = evidence.networks[NETWORK]
    device = next(network.parameters()).device

    def tensor(picture: NDArray[np.uint8]) -> torch.Tensor:
        pixels = torch.from_numpy(np.array(picture)).to(device)
        return pixels.permute(2, 0, 1)[None].to(torch.float32) / 127.5 - 1

    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), exact:
        return float(network(tensor(evidence.composite), tensor(evidence.true_original)))


ST_LPIPS = Metric(
    key="st_lpips",
    name="ST-LPIPS",
    meaning="Shift-tolerant learned perceptual distance to the original (AlexNet).",
    subject="quality",
    compute=_distance,
    needs=frozenset(("composite", "original", NETWORK)),
    better="low",
    network=Network(NETWORK, _load),
)
