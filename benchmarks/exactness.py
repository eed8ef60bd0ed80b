"""IID-Net beside its authors' code in float32 and in float64: whose rounding a difference is.

    python benchmarks/exactness.py --upstream CHECKOUT --weights FILE --image PHOTO

Both sides see the same photo and weights.  What they give in float64 is taken for exact.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from beside import import_from  # type: ignore[import-not-found]
from detector_speed import iid_net, stand_in  # type: ignore[import-not-found]
from safebench_detectors.iid_net.network import IIDNet, network_input
from torch import Tensor

from safebench.inputs.images import read_photo
from safebench.weights.read.checkpoints import fit, load_state


def ours(weights: Path, image: Tensor) -> Tensor:
    network = IIDNet().eval()
    fit(network, load_state(weights), str(weights), prefix="module.", skip=("median.",))
    maps: Tensor = network.to(image.dtype)(network_input(image)).sigmoid()
    return maps[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("upstream", "weights", "image"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    stand_in()
    import_from(given.upstream, ())
    photo = torch.from_numpy(np.ascontiguousarray(read_photo(given.image).transpose(2, 0, 1)))[None] / 255
    found = {}
    with torch.inference_mode():
        for dtype in (torch.float32, torch.float64):
            torch.set_default_dtype(dtype)  # the authors' forward pass makes tensors of its own
            image = photo.to(dtype)
            found[dtype] = {"theirs": iid_net(given.weights, image)(), "ours": ours(given.weights, image)}
    single, double = found.values()
    pairs = {
        "float64, theirs and ours": (double["theirs"], double["ours"]),
        "theirs, float32 and float64": (single["theirs"], double["theirs"]),
        "ours, float32 and float64": (single["ours"], double["ours"]),
        "float32, theirs and ours": (single["theirs"], single["ours"]),
    }
    for name, (first, second) in pairs.items():
        print(f"{name}: {float((first.double() - second.double()).abs().max()):.1e}")


if __name__ == "__main__":
    main()
