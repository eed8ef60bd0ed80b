"""The published inpainters beside their authors' code: processor time of one fill, and how far the answers differ.

    OMP_NUM_THREADS=1 python benchmarks/inpainters.py --upstream lama=CHECKOUT --weights lama=FILE [...] [--turns 7]

For each network, CHECKOUT is a clone of its authors' repository and FILE a checkpoint (for EdgeConnect the folder of
its two; benchmarks/made_up.py makes some up); a network that lacks one of them is skipped.  Both sides get the same
photo, hole and weights, one picture of 256x256 (or 512x512, where its name here says so), and take turns in one
process, each network in a process of its own.  Both start from the photo and the hole in memory; Canny's edges, which
EdgeConnect and CTSDG draw first, are drawn by the same function on both sides.  Packages that the authors' modules
import and the forward pass does not use are stood in for by empty ones.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import torch
from beside import Call, Measured, compare, fill, import_from, in_turns  # type: ignore[import-not-found]
from safebench_inpainters._edges import grey_and_edges
from safebench_inpainters.ctsdg.adapter import folded_levels
from torch import Tensor

from safebench.models.calling import load_inpainter
from safebench.models.toolbox.classical import to_images
from safebench.testing import inputs
from safebench.weights.read.checkpoints import load_state

STAND_INS = (
    *(
        "easydict",
        "tqdm",
        "timm",
        "timm.models",
        "timm.models.layers",
        "icecream",
        "kornia",
        "kornia.geometry",
        "kornia.geometry.transform",
        "pytorch_lightning",
    ),
    "numpy.lib.type_check",  # gone from NumPy; FcF's code imports it and calls nothing of it
)


def lama(weights: Path, image: Tensor, mask: Tensor) -> Call:
    ffc = importlib.import_module("saicinpainting.training.modules.ffc")
    sizes = {"input_nc": 4, "output_nc": 3, "ngf": 64, "n_downsampling": 3, "n_blocks": 18, "add_out_act": "sigmoid"}
    plain = {"ratio_gin": 0, "ratio_gout": 0, "enable_lfu": False}
    split = {"ratio_gin": 0.75, "ratio_gout": 0.75, "enable_lfu": False}
    network = ffc.FFCResNetGenerator(
        **sizes, init_conv_kwargs=plain, downsample_conv_kwargs=plain, resnet_conv_kwargs=split
    )
    state = load_state(weights)["state_dict"]
    fill(network, {k.removeprefix("generator."): v for k, v in state.items() if k.startswith("generator.")})
    return lambda: network(torch.cat([image * (1 - mask), mask], dim=1))


def fcf(weights: Path, image: Tensor, mask: Tensor) -> Call:
    networks = importlib.import_module("training.networks")
    network = networks.Generator(
        z_dim=512,
        c_dim=0,
        w_dim=512,
        img_resolution=256,
        img_channels=3,
        encoder_kwargs={"conv_clamp": 256},
        mapping_kwargs={"num_layers": 2},
        synthesis_kwargs={"conv_clamp": 256},
    )
    fill(network, load_state(weights))

    def forward() -> Tensor:
        torch.manual_seed(0)
        given = torch.cat([0.5 - mask, (image * 2 - 1) * (1 - mask)], dim=1)
        return (network(given, torch.zeros(1, 0), truncation_psi=0.1, noise_mode="const").clamp(-1, 1) + 1) / 2

    return forward


def aot_gan(weights: Path, image: Tensor, mask: Tensor) -> Call:
    aotgan = importlib.import_module("src.model.aotgan")
    network = aotgan.InpaintGenerator(SimpleNamespace(rates=[1, 2, 4, 8], block_num=8))
    fill(network, load_state(weights))
    return lambda: (network((image * 2 - 1) * (1 - mask) + mask, mask) + 1) / 2


def edgeconnect(weights: Path, image: Tensor, mask: Tensor) -> Call:
    networks = importlib.import_module("src.networks")
    edges, paint = networks.EdgeGenerator(use_spectral_norm=True), networks.InpaintGenerator()
    fill(edges, load_state(weights / "EdgeModel_gen.pth")["generator"])
    fill(paint, load_state(weights / "InpaintingModel_gen.pth")["generator"])

    def forward() -> Tensor:
        grey, known_edges = grey_and_edges(to_images(image), mask)
        drawn = edges(torch.cat([grey + mask, known_edges, mask], dim=1))
        return paint(torch.cat([image * (1 - mask) + mask, drawn], dim=1))

    return forward


def madf(weights: Path, image: Tensor, mask: Tensor) -> Call:
    net = importlib.import_module("net")
    network = net.MADFNet(layer_size=7, args=SimpleNamespace(n_refinement_D=2))
    state, prefix = load_state(weights)["model"], "module.model."
    fill(network, {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))

    def forward() -> Tensor:
        known = (1 - mask).expand(-1, 3, -1, -1)
        return (network((image - mean) / std * known, known)[-1] * std + mean).clamp(0, 1)

    return forward


def ctsdg(weights: Path, image: Tensor, mask: Tensor) -> Call:
    generator = importlib.import_module("models.generator.generator")
    network = generator.Generator(image_in_channels=3, edge_in_channels=2, out_channels=3)
    fill(network, load_state(weights)["generator"])

    def forward() -> Tensor:
        grey, edges = grey_and_edges(folded_levels()[to_images(image)], mask)
        painted = network((image * 2 - 1) * (1 - mask), torch.cat([edges, grey], dim=1), 1 - mask)[0]
        return (painted + 1) / 2

    return forward


def mi_gan(weights: Path, image: Tensor, mask: Tensor) -> Call:
    network = importlib.import_module("lib.model_zoo.migan_inference").Generator(resolution=image.shape[-1])
    fill(network, load_state(weights))
    return lambda: (network(torch.cat([0.5 - mask, (image * 2 - 1) * (1 - mask)], dim=1)) / 2 + 0.5).clamp(0, 1)


def comodgan(weights: Path, image: Tensor, mask: Tensor) -> Call:
    parts, size = importlib.import_module("lib.model_zoo.comodgan"), image.shape[-1]
    network = parts.Generator(
        parts.Mapping(num_ws={256: 14, 512: 16}[size]), parts.Encoder(resolution=size), parts.Synthesis(resolution=size)
    )
    fill(network, load_state(weights))
    z = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))
    seen = torch.cat([0.5 - mask, (image * 2 - 1) * (1 - mask)], dim=1)
    return lambda: (network(seen, z, noise_mode="const") / 2 + 0.5).clamp(0, 1)


def mat(weights: Path, image: Tensor, mask: Tensor) -> Call:
    sys.modules["timm.models.layers"].to_2tuple = lambda side: (side, side)  # type: ignore[attr-defined]
    network = importlib.import_module("networks.mat").Generator(
        z_dim=512, c_dim=0, w_dim=512, img_resolution=image.shape[-1], img_channels=3
    )
    fill(network, load_state(weights))
    z = torch.randn(1, 512, generator=torch.Generator().manual_seed(0))

    def forward() -> Tensor:
        torch.manual_seed(0)  # which features a function of z replaces
        return (network(image * 2 - 1, 1 - mask, z, None, noise_mode="const") / 2 + 0.5).clamp(0, 1)

    return forward


NETWORKS: Mapping[str, Callable[[Path, Tensor, Tensor], Call]] = {
    "lama": lama,
    "fcf": fcf,
    "aot-gan": aot_gan,
    "edgeconnect": edgeconnect,
    "madf": madf,
    "ctsdg": ctsdg,
    "mi-gan": mi_gan,
    "mi-gan-512": mi_gan,
    "comodgan": comodgan,
    "comodgan-512": comodgan,
    "mat": mat,
    "mat-512": mat,
}


def picture(name: str) -> tuple[Tensor, Tensor]:
    """What both sides of a network are given: 1 x 3 x H x W in [0, 1] with its hole blanked, and the hole."""
    size = (512, 512) if name.endswith("-512") else (256, 256)
    hole = torch.from_numpy(inputs.holes(1, size)).float()[:, None]
    return torch.from_numpy(inputs.photos(1, size)).permute(0, 3, 1, 2) / 255 * (1 - hole), hole


def measure(name: str, checkout: Path, weights: Path, turns: int) -> Measured:
    warnings.simplefilter("ignore")
    import_from(checkout, STAND_INS)
    ours = load_inpainter(name.removesuffix("-512"), weights=weights, device="cpu")
    photo, hole = picture(name)
    return in_turns(NETWORKS[name](weights, photo, hole), lambda: ours.inpaint(photo, hole), turns)


if __name__ == "__main__":
    compare(__doc__, list(NETWORKS), measure)
