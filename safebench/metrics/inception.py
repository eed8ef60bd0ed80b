"""Inception-v3 features of pictures, which FID, P-IDS and U-IDS compare: torch-fidelity's network and weights.

The network is the one of Szegedy et al. 2015 as TensorFlow's FID has it, with its weights converted.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from safebench.errors import PluginError, WeightsError
from safebench.weights.fetch.backbones import backbone_file
from safebench.weights.fetch.downloads import digest
from safebench.weights.read.checkpoints import load_state

SIZE = 2048
"""Numbers a picture, of the last pooling."""


@cache
def load_inception(device: torch.device) -> Any:
    """The network; its weights lie where torch.hub keeps its files, and are fetched by their checksum.

    Raises PluginError where torch-fidelity is missing, WeightsError where the weights cannot be had.
    """
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as published
    except ImportError as error:
        raise PluginError(
            f"Inception features need more ({error}); install it with: pip install 'safebench[fid]'"
        ) from None
    path = backbone_file(published.URL_INCEPTION_V3, "Inception-v3 (FID)", "leave fid, p_ids and u_ids out")
    # checked here too, since stored features do not say which file they came from
    if not digest(path).startswith(path.stem.rsplit("-", 1)[-1]):
        raise WeightsError(f"{path}: is not the published file: its sha256 is another; remove it, and it is fetched")
    # it unpickles whatever file it is given: so it gets one that is written here, of tensors that were read safely
    tensors = io.BytesIO()
    torch.save(load_state(path), tensors)
    tensors.seek(0)
    return published.FeatureExtractorInceptionV3("inception", [str(SIZE)], tensors).to(device)


def inception_features(picture: NDArray[np.uint8], network: Any) -> NDArray[np.float32]:
    """Features of one picture (uint8 H x W x 3): float32 2048.  By itself, so that no other can change its digits."""
    device = next(network.parameters()).device
    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with torch.inference_mode(), exact:
        [output] = network(torch.from_numpy(np.array(picture)).to(device).permute(2, 0, 1)[None])
    features: NDArray[np.float32] = output[0].cpu().numpy()
    return features
