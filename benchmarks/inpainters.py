"""The published inpainters beside their authors' code: processor time of one fill, and how far the answers differ.

    OMP_NUM_THREADS=1 python benchmarks/inpainters.py --upstream lama=CHECKOUT --weights lama=FILE [...] [--turns 7]

For each network, CHECKOUT is a clone of its authors' repository and FILE a checkpoint (for EdgeConnect the folder of
its two; benchmarks/made_up.py makes some up); a network that lacks one of them is skipped.  Both sides get the same
photo, hole and weights, one picture of 256x256 (512x512 where its name here says so, 64x64 of SMALL ones), and take
turns in one process, each network in a process of its own.  Both start from the photo and the hole in memory; Canny's
edges, which EdgeConnect and CTSDG draw first, are drawn by the same function on both sides.  Packages that the authors'
modules import and the forward pass does not use are stood in for by empty ones.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import torch
from beside import Call, Measured, compare, fill, import_from, in_turns  # type: ignore[import-not-found]
from safebench_inpainters._edges import grey_and_edges
from safebench_inpainters.ctsdg.adapter import folded_levels
from torch import Tensor, nn
from torch.nn import functional

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

SMALL = {"ldm": 64, "ldm-published": 64}
"""Sides of the pictures that networks are given which take minutes for a larger one."""
SHOWN = ("zits",)
"""Networks that both sides show what the hole hides, as their authors do."""
STEPS = 10
"""Of a diffusion model, both sides."""
LDM_WIDTH, LDM_CODER_WIDTH = "model.diffusion_model.input_blocks.0.0.bias", "first_stage_model.encoder.conv_in.bias"
"""Tensors as long as a network is wide."""


def part_of(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """What of a state begins so, without that."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


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


def ldm(weights: Path, image: Tensor, mask: Tensor) -> Call:
    """Ten steps.  Beside CHECKOUT a clone of CompVis/taming-transformers has to lie, and einops be installed."""
    sys.path.append(str(Path(sys.path[0]).parent / "taming-transformers"))
    sys.modules["pytorch_lightning"].LightningModule = nn.Module  # type: ignore[attr-defined]
    autoencoder = importlib.import_module("ldm.models.autoencoder")
    unet = importlib.import_module("ldm.modules.diffusionmodules.openaimodel")
    state = load_state(weights)["state_dict"]
    width, coder_width = (len(state[key]) for key in (LDM_WIDTH, LDM_CODER_WIDTH))
    sizes = {"in_channels": 3, "out_ch": 3, "ch": coder_width, "ch_mult": (1, 2, 4), "num_res_blocks": 2}
    autoencoder.instantiate_from_config = nn.Identity  # type: ignore[attr-defined]  # for the losses
    coder = autoencoder.VQModelInterface(
        3,
        {**sizes, "attn_type": "none", "double_z": False, "z_channels": 3, "resolution": 256, "attn_resolutions": []},
        {},
        len(state["first_stage_model.quantize.embedding.weight"]),
    )
    fill(coder, part_of(state, "first_stage_model."))
    network = unet.UNetModel(
        image_size=64,
        in_channels=7,
        out_channels=3,
        model_channels=width,
        attention_resolutions=(8, 4, 2),
        num_res_blocks=2,
        channel_mult=(1, 2, 3, 4),
        num_heads=8,
        resblock_updown=True,
    )
    dotless = {key.replace(".", ""): key for key in network.state_dict()}
    averages = part_of(state, "model_ema.diffusion_model")
    fill(network, {dotless[key]: value for key, value in averages.items()})
    left = state["alphas_cumprod"]
    model = SimpleNamespace(
        num_timesteps=len(left),
        alphas_cumprod=left,
        alphas_cumprod_prev=torch.cat([torch.ones(1), left[:-1]]),
        betas=1 - left / torch.cat([torch.ones(1), left[:-1]]),
        device=torch.device("cpu"),
        apply_model=lambda x, t, c: network(torch.cat([x, c], dim=1), t),
    )
    sampler = importlib.import_module("ldm.models.diffusion.ddim").DDIMSampler(model)
    sampler.register_buffer = lambda name, value: setattr(sampler, name, value)  # theirs moves it to a GPU

    def forward() -> Tensor:
        seen = coder.encode(image * (1 - mask) * 2 - 1)
        condition = torch.cat([seen, functional.interpolate(mask * 2 - 1, size=seen.shape[-2:])], dim=1)
        start = torch.randn(seen.shape, generator=torch.Generator().manual_seed(0))
        latents, _ = sampler.sample(STEPS, 1, seen.shape[1:], condition, x_T=start, verbose=False)
        return (coder.decode(latents) / 2 + 0.5).clamp(0, 1)

    return forward


def zits(weights: Path, image: Tensor, mask: Tensor) -> Call:
    """From no lines, and in the picture's precision: theirs is half in part."""
    for name in ("src.FTR_trainer", "src.lsm_hawp.detector", "src.config"):
        sys.modules[name] = MagicMock()
    script, utils = importlib.import_module("single_image_test"), importlib.import_module("src.utils")
    tsr, ftr = importlib.import_module("src.models.TSR_model"), importlib.import_module("src.models.LaMa")
    for module in (utils, ftr, *(sys.modules[f"src.models.{name}"] for name in ("ffc", "layers"))):
        vars(module)["torch"] = SimpleNamespace(**{**vars(torch), "float16": image.dtype, "float32": image.dtype})
    sizes = {"embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0, "n_embd": 256, "block_size": 32}
    transformer = tsr.EdgeLineGPT256RelBCE(tsr.EdgeLineGPTConfig(**sizes, n_layer=16, n_head=8))
    config = SimpleNamespace(rezero_for_mpe=True, rel_pos_num=128, use_MPE=True)
    encoder, painter = ftr.StructureEncoder(config), ftr.ReZeroFFC(config)
    doubling = importlib.import_module("src.models.upsample").StructureUpsampling()
    fill(transformer, load_state(weights / "best_transformer_places2.pth")["model"])
    fill(doubling, load_state(weights / "StructureUpsampling.pth")["model"])
    last = load_state(weights / "InpaintingModel_best_gen.pth")
    fill(encoder, last["str_encoder"])
    fill(painter, last["generator"])
    for network in (transformer, doubling, encoder, painter):
        network.to(image.dtype)

    def forward() -> Tensor:
        photo, hole = to_images(image)[0], (mask[0, 0].numpy() * 255).astype("uint8")
        small = script.resize(photo, 256, 256)
        gap = script.cv2.resize(hole, (256, 256), interpolation=script.cv2.INTER_AREA)
        gap[gap > 0] = 255
        edges = script.canny(script.rgb2gray(small), sigma=3.0, mask=None).astype(float)
        places, _, facing = script.load_masked_position_encoding(hole)
        edges, gap = (script.to_tensor(x)[None].to(image) for x in (edges, gap))
        seen = script.to_tensor(small.copy())[None].to(image) * 2 - 1
        start = [seen, edges, torch.zeros_like(edges)]
        drawn = utils.SampleEdgeLineLogits(transformer, start, gap.clone(), 5, device="cpu", add_v=0.05, mul_v=4)
        side = image.shape[-1]
        wide = []
        for part in drawn:
            large = part
            while large.shape[2] < side:
                large = torch.sigmoid((doubling(large)[0] + 2) * 2)
            wide.append(functional.interpolate(large, size=(side, side), mode="bilinear", align_corners=False))
        added, *where = encoder(
            torch.cat([*wide, mask], dim=1), torch.LongTensor(places)[None], torch.LongTensor(facing)[None]
        )
        return painter(torch.cat([image * (1 - mask), mask], dim=1), *where, added)

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
    "ldm": ldm,
    "ldm-published": ldm,
    "mat": mat,
    "mat-512": mat,
    "zits": zits,
    "zits-512": zits,
}


def picture(name: str) -> tuple[Tensor, Tensor]:
    """What both sides of a network are given: 1 x 3 x H x W in [0, 1], its hole blanked, and the hole."""
    side = SMALL.get(name, 512 if name.endswith("-512") else 256)
    size = (side, side)
    hole = torch.from_numpy(inputs.holes(1, size)).float()[:, None]
    photo = torch.from_numpy(inputs.photos(1, size)).permute(0, 3, 1, 2) / 255
    return photo if name.removesuffix("-512") in SHOWN else photo * (1 - hole), hole


def measure(name: str, checkout: Path, weights: Path, turns: int) -> Measured:
    warnings.simplefilter("ignore")
    import_from(checkout, STAND_INS)
    known = name.removesuffix("-512").removesuffix("-published")
    ours = load_inpainter(known, weights=weights, device="cpu", options={"steps": STEPS} if known == "ldm" else {})
    ours.sees_hole = known in SHOWN
    photo, hole = picture(name)
    return in_turns(NETWORKS[name](weights, photo, hole), lambda: ours.inpaint(photo, hole), turns)


if __name__ == "__main__":
    compare(__doc__, list(NETWORKS), measure)
