"""The published detectors beside their authors' code: processor time of one look, and how far the maps differ.

    OMP_NUM_THREADS=1 python benchmarks/detector_speed.py --upstream trufor=CHECKOUT --weights trufor=FILE [...]

CHECKOUT is a clone of the authors' repository and FILE a checkpoint (for PSCC-Net the folder of its three); a network
that lacks one of them is skipped. Both sides get the same picture of 256x256 and the same weights, and take turns in
one process, each network in a process of its own. Noiseprint++ is timed as TruFor's part of that name. The few
functions of yacs, timm and jpegio that the authors' modules use are stood in for by plain ones. IID-Net's code wants a
GPU, and stores its filters anew at each call: here it stays on the CPU, and gets the stored filters back before each.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
import torchvision  # noqa: F401  (before IID-Net's code imports it with a stand-in around)
from beside import Call, Measured, compare, fill, import_from, in_turns  # type: ignore[import-not-found]
from PIL import Image
from safebench_detectors._noiseprint_pp import NoiseprintPP
from torch import Tensor, nn

from safebench.models.calling import load_detector
from safebench.models.toolbox.classical import to_images
from safebench.testing import inputs
from safebench.weights.read import checkpoints
from safebench.weights.read.checkpoints import load_state


class Settings(dict[str, Any]):
    """In place of yacs' nodes: a dictionary whose keys are attributes too."""

    def __init__(self, **_: bool) -> None:
        super().__init__()

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__

    def clone(self) -> Settings:
        return self


class Mlp(nn.Module):
    """In place of timm's, as far as the authors' modules call it."""

    def __init__(self, in_features: int, hidden_features: int, act_layer: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(in_features, hidden_features), nn.Linear(hidden_features, in_features)
        self.act = act_layer()

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.fc2(self.act(self.fc1(x)))
        return mixed


def pscc_net(weights: Path, image: Tensor) -> Call:
    vars(np).setdefault("int", int)  # gone from NumPy
    hrnet, settings = (importlib.import_module(f"models.{name}") for name in ("seg_hrnet", "seg_hrnet_config"))
    args = {"crop_size": [256, 256]}
    networks = {
        "HRNet": hrnet.get_seg_model(settings.get_hrnet_cfg()),
        "NLCDetection": importlib.import_module("models.NLCDetection").NLCDetection(args),
        "DetectionHead": importlib.import_module("models.detection_head").DetectionHead(args),
    }
    for name, network in networks.items():
        state = load_state(weights / f"{name}.pth")
        fill(network, {key.removeprefix("module."): value for key, value in state.items()})

    def forward() -> Tensor:
        features = networks["HRNet"](image)
        mask = networks["NLCDetection"](features)[0]
        networks["DetectionHead"](features).softmax(dim=1)
        found: Tensor = nn.functional.interpolate(mask, size=image.shape[2:], mode="bilinear", align_corners=True)
        return found[:, 0]

    return forward


def trufor_network() -> nn.Module:
    """As test_docker/src/trufor.yaml describes it; its modules are found there."""
    sys.path.insert(0, str(Path(sys.path[0]) / "test_docker" / "src"))
    extra = Settings()
    extra |= {"BACKBONE": "mit_b2", "DECODER": "MLPDecoder", "DECODER_EMBED_DIM": 512, "PREPRC": "imagenet"}
    extra |= {"BN_EPS": 0.001, "BN_MOMENTUM": 0.1, "DETECTION": "confpool", "CONF": True}
    model = SimpleNamespace(EXTRA=extra, MODS=("RGB", "NP++"), PRETRAINED="")
    config = SimpleNamespace(MODEL=model, DATASET=SimpleNamespace(NUM_CLASSES=2))
    network: nn.Module = importlib.import_module("models.cmx.builder_np_conf").myEncoderDecoder(cfg=config)
    return network


def trufor(weights: Path, image: Tensor) -> Call:
    network = trufor_network()
    fill(network, load_state(weights)["state_dict"])
    picture = image * 255 / 256
    return lambda: network(picture)[0].softmax(dim=1)[:, 1]


def noiseprint(weights: Path, image: Tensor) -> Call:
    network: nn.Module = trufor_network().get_submodule("dncnn")
    fill(network, load_state(weights)["network"])
    picture = image * 255 / 256
    return lambda: network(picture)[:, 0]


def iid_net(weights: Path, image: Tensor) -> Call:
    with patch.dict(sys.modules, tensorflow=ModuleType("tensorflow")):  # imported there, and never used
        main = importlib.import_module("main")
    with patch("numpy.repeat", lambda values, count, axis: values.repeat_interleave(count, axis)):
        network = main.IID_Net()
    torch.Tensor.cuda = lambda tensor: tensor  # type: ignore[assignment, method-assign, misc]
    fill(network, {key.removeprefix("module."): value for key, value in load_state(weights).items()})
    network.to(image.dtype)
    stored = network.bayar_conv.weight.data.clone()
    picture = 2 * image.flip(1) - 1

    def forward() -> Tensor:
        network.bayar_conv.weight.data = stored.clone()
        return network(picture)[:, 0]

    return forward


def cat_net(weights: Path, image: Tensor) -> Call:
    """Set as in experiments/CAT_full.yaml; shown is what their loader makes of a JPEG of quality 100."""
    import jpeglib

    vars(np).setdefault("float", float)  # gone from NumPy

    def read(path: str) -> SimpleNamespace:
        """As jpegio, which no longer installs."""
        coded = jpeglib.read_dct(path)
        planes = [plane.transpose(0, 2, 1, 3) for plane in (coded.Y, coded.Cb, coded.Cr)]
        factors = zip(coded.samp_factor, coded.quant_tbl_no, strict=True)
        names = ("v_samp_factor", "h_samp_factor", "quant_tbl_no")
        return SimpleNamespace(
            coef_arrays=[plane.reshape(plane.shape[0] * 8, -1) for plane in planes],
            comp_info=[SimpleNamespace(**dict(zip(names, (*sides, table), strict=True))) for sides, table in factors],
            quant_tables=list(coded.qt),
        )

    vars(sys.modules["jpegio"])["read"] = read
    dataset = importlib.import_module("Splicing.data.AbstractDataset").AbstractDataset
    dataset.__abstractmethods__ = frozenset()
    with TemporaryDirectory() as folder:
        file = Path(folder, "picture.jpg")
        Image.fromarray(to_images(image)[0]).save(file, quality=100, subsampling=0)
        loader = dataset(None, True, ["RGB", "DCTvol", "qtable"], DCT_channels=1)
        tensor, _, table = loader._create_tensor(file, None)
    network = importlib.import_module("lib.models.network_CAT").CAT_Net(cat_net_settings())
    fill(network, load_state(weights)["state_dict"])
    height, width = image.shape[2:]

    def forward() -> Tensor:
        logits = network(tensor[None], table[None])
        found = nn.functional.interpolate(logits, size=tensor.shape[1:], mode="bilinear", align_corners=False)
        return found.softmax(dim=1)[:, 1, :height, :width]

    return forward


def cat_net_settings() -> SimpleNamespace:
    def stage(modules: int, *widths: int, block: str = "BASIC") -> Settings:
        held = {"NUM_MODULES": modules, "NUM_BRANCHES": len(widths), "BLOCK": block, "FUSE_METHOD": "SUM"}
        settings = Settings()
        settings |= held | {"NUM_BLOCKS": [4] * len(widths), "NUM_CHANNELS": list(widths)}
        return settings

    extra = Settings()
    extra |= {"STAGE1": stage(1, 64, block="BOTTLENECK"), "STAGE2": stage(1, 48, 96), "STAGE3": stage(4, 48, 96, 192)}
    extra |= {"STAGE4": stage(3, 48, 96, 192, 384), "DC_STAGE3": stage(3, 96, 192), "DC_STAGE4": stage(2, 96, 192, 384)}
    extra |= {"STAGE5": stage(1, 24, 48, 96, 192), "FINAL_CONV_KERNEL": 1}
    return SimpleNamespace(MODEL=SimpleNamespace(EXTRA=extra), DATASET=SimpleNamespace(NUM_CLASSES=2))


def mvss_net(weights: Path, image: Tensor) -> Call:
    """As inference.py, in float32 and without rounding the map to 8 bits; its branch of edges keeps its own numbers."""
    from safebench_detectors.mvss_net import adapter
    from safebench_detectors.mvss_net import network as ours

    with patch("torch.utils.model_zoo.load_url", lambda _: {}):
        network = importlib.import_module("models.mvssnet").get_mvss(sobel=True, constrain=True)
    lacking = network.load_state_dict(dict(load_state(weights)), strict=False).missing_keys
    assert all(key.startswith(ours.NOT_USED) for key in lacking), lacking
    network.eval()
    picture = cv2.resize(to_images(image)[0][:, :, ::-1], (adapter.SIDE, adapter.SIDE))
    shown = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None] / 255
    shown = (shown - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(
        3, 1, 1
    )

    def forward() -> Tensor:
        found = network(shown)[1].sigmoid()[0, 0].numpy()
        return torch.from_numpy(cv2.resize(found, tuple(image.shape[:1:-1])))[None]

    return forward


def mmfusion(weights: Path, image: Tensor) -> Call:
    """As inference.py with experiments/ec_example_phase2.yaml; its loader hands out pictures over 256."""
    held = load_state(weights)
    modals = ["img", "noiseprint", "bayar", "srm"]
    extractor = importlib.import_module("models.modal_extract").ModalitiesExtractor(modals[1:])
    fill(extractor, held["extractor_state_dict"])
    settings = {"NAME": "", "BACKBONE": "MixCMNeXtMHSA-B2", "NUM_CLASSES": 2, "MODALS": modals, "PRETRAINED": ""}
    settings |= {"DETECTION": "confpool", "TRAIN_PHASE": "detection"}
    network = importlib.import_module("models.cmnext_conf").CMNeXtWithConf(SimpleNamespace(**settings))
    fill(network, held["state_dict"])
    picture = image * 255 / 256
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))

    def forward() -> Tensor:
        found, _, _ = network([(picture - mean) / std, *extractor(picture)])
        return found.softmax(dim=1)[:, 1]

    return forward


def iml_vit(weights: Path, image: Tensor) -> Call:
    """As Demo.ipynb; its loader's black square is made here, and its loss, which wants a mask, gets an empty one."""
    from safebench_detectors.iml_vit import adapter

    side = adapter.SIDE
    network = importlib.import_module("iml_vit_model").iml_vit_model(input_size=side)
    fill(network, load_state(weights))
    height, width = image.shape[2:]
    square = nn.functional.pad(image, (0, side - width, 0, side - height))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    square = (square - mean) / std
    nothing = torch.zeros(1, 1, side, side)

    def forward() -> Tensor:
        with contextlib.redirect_stdout(None):
            found: Tensor = network(square, nothing, nothing)[1]
        return found[:, 0, :height, :width]

    return forward


def sparse_vit(weights: Path, image: Tensor) -> Call:
    """As main_test.py, which loads what fits; what the network here does not use keeps its own numbers."""
    from safebench_detectors.sparse_vit.network import NOT_USED

    with contextlib.redirect_stdout(None):
        network = importlib.import_module("SparseViT_Mul").SparseViT_Mul()
    lacking = network.load_state_dict(dict(load_state(weights)["model"]), strict=False).missing_keys
    assert all(key.startswith(NOT_USED) for key in lacking), lacking
    network.eval()
    square = torch.from_numpy(cv2.resize(to_images(image)[0], (512, 512))).permute(2, 0, 1)[None] / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    square = (square - mean) / std
    nothing = torch.zeros(1, 1, 512, 512)

    def forward() -> Tensor:
        found = Image.fromarray(network(square, nothing)[1][0, 0].numpy())
        resized = found.resize((image.shape[3], image.shape[2]), Image.Resampling.LANCZOS)
        return torch.from_numpy(np.array(resized)).clamp(0, 1)[None]

    return forward


def mesorch(weights: Path, image: Tensor, module: str = "mesorch", name: str = "MesorchFull") -> Call:
    """As test.py with --if_resizing, for which timm has to be installed; their loss, which wants a mask, gets an empty
    one.  The classifier of which nothing is used keeps its own numbers."""
    from safebench_detectors.mesorch import adapter
    from safebench_detectors.mesorch.network import NOT_USED

    for stood_in in [name for name in sys.modules if name.partition(".")[0] == "timm"]:
        del sys.modules[stood_in]
    vars(sys.modules["IMDLBenCo.registry"])["MODELS"] = SimpleNamespace(register_module=lambda: lambda kind: kind)
    side = adapter.SIDE
    network = getattr(importlib.import_module(module), name)(seg_pretrain_path=None, image_size=side)
    lacking = network.load_state_dict(dict(load_state(weights)["model"]), strict=False).missing_keys
    assert all(key.startswith(NOT_USED) for key in lacking), lacking
    network.eval()
    square = torch.from_numpy(cv2.resize(to_images(image)[0], (side, side))).permute(2, 0, 1)[None] / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    square = (square - mean) / std

    def forward() -> Tensor:
        found = network(square, torch.zeros(1, 1, side, side))["pred_mask"]
        return nn.functional.interpolate(found, image.shape[2:], mode="bilinear", align_corners=False)[:, 0]

    return forward


def mesorch_p(weights: Path, image: Tensor) -> Call:
    return mesorch(weights, image, "mesorch_p", "Mesorch_P")


def noiseprint_2019(weights: Path, image: Tensor) -> Call:
    """As main_blind.py on what is no JPEG, in TensorFlow 2, its map scaled as the card says; the limit is ours."""
    from safebench_detectors.noiseprint_2019 import adapter, heat_map
    from safebench_detectors.noiseprint_2019.network import QUALITIES

    from safebench.weights.read.tensorflow import load_bundle

    restore_what_is_gone()
    blind = importlib.import_module("noiseprint.noiseprint_blind")
    extracting: Any = importlib.import_module("noiseprint.noiseprint")
    state = load_bundle(weights / f"net_jpg{QUALITIES[-1]}" / "model.index")

    def restore(session: Any, _: str) -> None:
        for variable in extracting.net.variables_list:
            variable.load(state[variable.op.name].numpy(), session)

    extracting.saver = SimpleNamespace(restore=restore)
    luminance = (to_images(image)[0].astype(np.float32) @ adapter._GRAY) / 256

    def forward() -> Tensor:
        with contextlib.redirect_stdout(None):
            print_ = extracting.genNoiseprint(luminance, 101, "net")
            found, valid, rows, columns, size, _ = blind.noiseprint_blind_post(print_, luminance)
        limit = heat_map.heat_map(print_, luminance, 0).limit
        heat = np.sqrt(np.maximum(blind.genMappFloat(found, valid, rows, columns, size), 0))
        return torch.from_numpy(heat / (heat + limit))[None]

    return forward


def restore_what_is_gone() -> None:
    """What Noiseprint's code of 2019 uses of NumPy, SciPy, Pillow and TensorFlow, under its names of then."""
    import scipy.linalg
    import tensorflow  # type: ignore[import-untyped]
    from PIL import JpegImagePlugin

    vars(np).update({kind.__name__: kind for kind in (int, bool, float) if kind.__name__ not in vars(np)})
    vars(JpegImagePlugin).setdefault("convert_dict_qtables", lambda tables: tables)
    largest = scipy.linalg.eigvalsh
    vars(scipy.linalg)["eigvalsh"] = lambda matrix, eigvals: largest(matrix, subset_by_index=eigvals)
    sys.modules["tensorflow"] = tensorflow.compat.v1
    tensorflow.compat.v1.disable_eager_execution()


DETECTORS: Mapping[str, Callable[[Path, Tensor], Call]] = {
    "cat-net": cat_net,
    "iml-vit": iml_vit,
    "mesorch": mesorch,
    "mesorch-p": mesorch_p,
    "mmfusion": mmfusion,
    "mvss-net": mvss_net,
    "sparse-vit": sparse_vit,
    "pscc-net": pscc_net,
    "trufor": trufor,
    "noiseprint": noiseprint,
    "noiseprint-2019": noiseprint_2019,
    "iid-net": iid_net,
}


def stand_in() -> None:
    """The parts of yacs and timm that the authors' forward passes need."""
    parts: dict[str, dict[str, Any]] = {
        "jpegio": {},
        "IMDLBenCo": {},
        "IMDLBenCo.registry": {},
        "torch_dct": {},
        "fvcore": {},
        "fvcore.nn": {"weight_init": ModuleType("weight_init")},
        "fvcore.nn.weight_init": {},
        "fvcore.nn.distributed": {"differentiable_all_reduce": None},
        "yacs": {},
        "yacs.config": {"CfgNode": Settings},
        "timm": {},
        "timm.models": {},
        "timm.models.layers": {
            "DropPath": lambda *_: nn.Identity(),
            "Mlp": Mlp,
            "to_2tuple": lambda x: (x, x),
            "trunc_normal_": nn.init.trunc_normal_,
        },
    }
    for name, held in parts.items():
        module = ModuleType(name)
        vars(module).update(held)
        sys.modules.setdefault(name, module)


def our_noiseprint(weights: Path, image: Tensor) -> Call:
    network = NoiseprintPP().eval()
    checkpoints.fit(network, load_state(weights)["network"], str(weights))
    picture = image * 255 / 256
    return lambda: network(picture)[:, 0]


def measure(name: str, checkout: Path, weights: Path, turns: int) -> Measured:
    warnings.simplefilter("ignore")
    stand_in()
    import_from(checkout, ())
    image = torch.from_numpy(np.ascontiguousarray(inputs.photos(1, (256, 256)).transpose(0, 3, 1, 2))).float() / 255
    if name == "noiseprint":
        ours = our_noiseprint(weights, image)
    else:
        model = load_detector(name, weights=weights, device="cpu")
        ours = lambda: model.detect(image).maps  # noqa: E731
    return in_turns(DETECTORS[name](weights, image), ours, turns)


if __name__ == "__main__":
    compare(__doc__, list(DETECTORS), measure)
