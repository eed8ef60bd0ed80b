"""SafePaint's networks: the authors' numbers, the domain map that acts, and the checkpoints that it takes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safebench_inpainters._rwsa import RWSA, elu, resize_mask
from safebench_inpainters.safepaint.adapter import Adapter
from safebench_inpainters.safepaint.filling import fill_smoothly
from safebench_inpainters.safepaint.generator import Generator
from safebench_inpainters.safepaint.layers import draw_noise
from safebench_inpainters.safepaint.options import PRESETS, SafePaintConfig, build_generator
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from safebench import load_inpainter
from safebench.errors import WeightsError
from safebench.inputs.images import to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.metrics.psnr import psnr
from safebench.models import calling, registry
from safebench.testing import InpainterContract, inputs


def made_up(preset: str, **options: str) -> Generator:
    """A small generator of fixed random weights, lively enough for its parts to show in the picture."""
    torch.manual_seed(0)
    network = build_generator(msgspec.convert({**PRESETS[preset], "size_preset": "small", **options}, SafePaintConfig))
    if preset == "safebench":
        with torch.no_grad():
            network.fine_generator.deconv3.get_parameter("weight").mul_(20)
    return network.eval()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training would leave."""
    path = tmp_path_factory.mktemp("safepaint") / "safepaint.safetensors"
    config = msgspec.json.encode(SafePaintConfig(size_preset="small")).decode()
    save_file(made_up("safebench").state_dict(), path, {"model": "safepaint", "config": config})
    return path


@pytest.fixture(scope="module")
def theirs(rebuilt):
    return rebuilt("official_safepaint") / "InpaintingModel_G.pth"


@pytest.fixture
def batch():
    """Two photos and their holes, 64 x 64."""
    photos = torch.from_numpy(inputs.photos(2, (64, 64))).permute(0, 3, 1, 2).float() / 255
    return photos, torch.from_numpy(inputs.holes(2, (64, 64)))[:, None].float()


class TestContract(InpainterContract):
    name = "safepaint"

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, trained):
        self.weights = trained


@pytest.mark.slow
def test_computes_what_the_authors_code_computes(theirs, golden):
    case = golden("official_safepaint")
    model = load_inpainter("safepaint:authors", weights=theirs, device="cpu")
    raw = calling.inpaint(model, case.photos, case.holes)
    np.testing.assert_allclose(raw, case.raw, atol=1e-4, rtol=0)
    filled = calling.composite(case.photos, case.holes, raw)
    np.testing.assert_allclose(filled.astype(int), case.composite, atol=1, rtol=0)


@pytest.mark.slow
def test_domain_vectors_are_the_authors(theirs, shared):
    with np.load(shared / "parity" / "official_safepaint" / "golden_0.npz") as case:
        arrays = dict(case)
    network = build_generator(msgspec.convert({**PRESETS["authors"]}, SafePaintConfig)).eval()
    network.load_state_dict(torch.load(theirs, weights_only=True)["generator"])
    assert sum(p.numel() for p in network.parameters()) == 28_840_298
    photo = torch.from_numpy(arrays["image"]).permute(2, 0, 1)[None].float() / 255
    mask = torch.from_numpy(arrays["mask"])[None, None].float() / 255
    with torch.no_grad():
        painting = network(photo, mask, compare=True)
    found = {"background": painting.background, "real": painting.original, "refined": painting.painted}
    for name, vector in found.items():
        np.testing.assert_allclose(vector[0], arrays[f"vector_{name}"], atol=1e-4, rtol=0)
    np.testing.assert_allclose(painting.coarse[0].permute(1, 2, 0), arrays["coarse"], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("preset", "acts"), [("safebench", True), ("authors", False), ("paper", False)])
def test_the_domain_vector_acts_in_our_preset_alone(batch, preset, acts):
    network = made_up(preset)
    photos, masks = batch
    noise = draw_noise(photos, 0)
    with torch.no_grad():
        before = network(photos, masks, noise)
        network.extractor.convs.bias += 1
        after = network(photos, masks, noise)
    assert (after.background - before.background).abs().min() > 0.9
    moved = (after.refined - before.refined).abs().max()
    assert (moved > 0.02) if acts else (moved < 1e-4)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_what_the_hole_hides_is_looked_at_for_the_loss_alone(batch, preset):
    network = made_up(preset)
    photos, masks = batch
    other = photos + masks * torch.rand(photos.shape, generator=torch.Generator().manual_seed(0))
    noise = draw_noise(photos, 0)
    with torch.no_grad():
        one, two = (network(seen, masks, noise, compare=True) for seen in (photos, other))
    assert torch.equal(one.refined, two.refined)
    assert torch.equal(one.background, two.background)
    assert not torch.allclose(one.original, two.original)


def test_products_from_before_the_share_of_detail_paint_with_a_half(trained, tmp_path, batch):
    """What an earlier release trained is read, and begins a training; what lacks another layer is refused."""
    state, older = load_file(trained), tmp_path / "older.safetensors"
    share = ["fine_generator.share.weight", "fine_generator.share.bias"]
    with safe_open(trained, "pt") as opened:
        metadata = opened.metadata()
    save_file({key: value for key, value in state.items() if key not in share}, older, metadata)
    halves = tmp_path / "halves.safetensors"
    save_file(
        {key: torch.zeros_like(value) if key in share else value for key, value in state.items()}, halves, metadata
    )
    painted = [load_inpainter("safepaint", weights=path, device="cpu").inpaint(*batch) for path in (older, halves)]
    assert torch.equal(*painted)
    entry = registry.find("recipes", "safepaint")[0]
    recipe = entry.load_class()(entry.card, SafePaintConfig(size_preset="small"))
    networks = recipe.build()
    recipe.start(networks, load_file(older), "older")
    assert not any(recipe.product(networks)[key].any() for key in share)
    save_file({key: value for key, value in state.items() if key != "fine_generator.deconv3.bias"}, older, metadata)
    with pytest.raises(WeightsError, match=r"deconv3\.bias"):
        load_inpainter("safepaint", weights=older, device="cpu")


@pytest.mark.parametrize(
    ("variant", "attention", "domain"),
    [("backbone", False, False), ("backbone+ddl", False, True), ("backbone+rwsa", True, False), ("full", True, True)],
)
def test_variants_have_the_parts_that_they_name(batch, variant, attention, domain):
    network = made_up("safebench", variant=variant)
    assert any(isinstance(m, RWSA) for m in network.modules()) == attention
    assert (network.extractor is not None) == domain
    with torch.no_grad():
        painting = network(*batch, compare=True)
    assert (painting.painted is not None) == domain
    assert painting.refined.shape == batch[0].shape


def test_noise_comes_from_the_seed_and_is_each_pictures_own(trained, batch):
    photos = inputs.photos(1, (64, 64))
    holes = inputs.holes(1, (64, 64))
    answers: list[np.ndarray] = []
    for seed in (0, 0, 1):
        torch.manual_seed(len(answers))
        answers.append(
            calling.inpaint(load_inpainter("safepaint", weights=trained, device="cpu", seed=seed), photos, holes)
        )
    np.testing.assert_array_equal(answers[0], answers[1])
    assert np.abs(answers[0] - answers[2]).max() > 1e-3


def test_wrong_checkpoints_are_refused(trained, tmp_path: Path):
    state = made_up("safebench").state_dict()
    cases = {
        "no config": ({}, state, "does not fit the network; it has no 'generator'"),
        "odd config": ({"config": '{"depth": 3}'}, state, "its config is none of SafePaint's"),
        "other size": ({"config": '{"size_preset": "base"}'}, state, "does not fit the network; keys: .*misshapen"),
    }
    for name, (metadata, held, message) in cases.items():
        path = tmp_path / f"{name}.safetensors"
        save_file(held, path, metadata)
        with pytest.raises(WeightsError, match=message):
            load_inpainter("safepaint", weights=path, device="cpu")


def test_attention_follows_its_equations():
    torch.manual_seed(0)
    attention = RWSA(32).eval()
    features = torch.randn(2, 32, 16, 12)
    masks = (torch.rand(2, 1, 16, 12) > 0.5).float()
    with torch.no_grad():
        kernel = attention.gaussianMask.weight
        hole, known = (F.conv2d(F.pad(m, (2, 2, 2, 2), mode="reflect"), kernel) for m in (masks, 1 - masks))
        inside = attention.connection(attention.spliced_attention(features)) + attention.mixed_attention(features)
        joined = torch.cat([attention.background_attention(features) * known + inside * hole, features], dim=1)
        torch.testing.assert_close(attention(features, masks), attention.fuser(joined))
    assert torch.isclose(kernel.sum(), torch.tensor(1.0))
    variance = (kernel[0, 0].sum(0) * torch.tensor([4.0, 1, 0, 1, 4])).sum()
    assert 1.2 < variance < 2  # of a Gaussian of deviation sqrt(2), cut off at 2


@pytest.mark.parametrize("size", [(64, 64), (16, 16), (50, 70), (7, 5), (1, 1)])
def test_attention_takes_any_mask_and_any_map(size):
    for height, width in ((16, 16), (9, 13), (2, 2), (1, 1)):
        out = RWSA(8).eval()(torch.zeros(1, 8, height, width), torch.ones(1, 1, *size))
        assert out.shape == (1, 8, height, width)


def test_masks_shrink_as_the_authors_shrink_them():
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :2, :2] = 1  # fills the first window
    mask[..., :1, 4:6] = 1  # half of the second: rounded to 0
    mask[..., 6:, 6:] = 1  # beside the last window
    assert resize_mask(mask, (2, 2)).flatten().tolist() == [1, 0, 0, 0]
    assert resize_mask(mask, (8, 8)) is mask


def test_elu_and_its_gradient():
    x = torch.linspace(-8, 8, 101, dtype=torch.float64, requires_grad=True)
    (mine,) = torch.autograd.grad(elu(x).square().sum(), x)
    (torchs,) = torch.autograd.grad(F.elu(x).square().sum(), x)
    torch.testing.assert_close(elu(x), F.elu(x))
    torch.testing.assert_close(mine, torchs)


def test_the_first_guess_is_smooth_and_blind(batch):
    photos, masks = batch
    filled = fill_smoothly(photos, masks)
    assert torch.equal(filled * (1 - masks), photos * (1 - masks))
    assert torch.equal(filled, fill_smoothly(photos * (1 - masks) + 0.7 * masks, masks))
    assert 0 <= filled.min() <= filled.max() <= 1
    ramp = torch.linspace(0, 1, 37).expand(1, 1, 21, 37)
    hole = torch.zeros(1, 1, 21, 37)
    hole[..., 8:13, 10:20] = 1
    assert (fill_smoothly(ramp, hole) - ramp).abs().max() < 0.01  # Laplace's equation keeps a ramp
    assert torch.equal(fill_smoothly(ramp, torch.ones_like(ramp)), torch.zeros_like(ramp))
    assert torch.equal(fill_smoothly(torch.ones(1, 3, 1, 1), torch.zeros(1, 1, 1, 1)), torch.ones(1, 3, 1, 1))


@pytest.fixture(scope="module")
def on_val(shared) -> tuple[np.ndarray, np.ndarray]:
    """Photos of BSDS500's val set and a hole each, as `calling` takes them."""
    photos = np.stack([to_square(p.load(), 256) for p in open_photos(str(shared / "data/bsds500/val")).photos()[::25]])
    masks = open_masks("irregular", 3)
    names = masks.index(256)[list(masks.index(256))[3]]
    return photos, np.stack([masks.load(name, 256) for name in names[: len(photos)]])


def test_what_ships_runs_at_once_and_beats_classical_filling(on_val, monkeypatch, tmp_path):
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path))  # nothing was downloaded
    monkeypatch.setenv("SAFEBENCH_OFFLINE", "1")
    entry = registry.find("inpainters", "safepaint")[0]
    assert (entry.folder / "weights.safetensors").stat().st_size <= 16_000_000
    photos, holes = on_val
    errors = {}
    for name in ("safepaint", "telea"):
        model = load_inpainter(name, device="cpu")
        filled = calling.composite(photos, holes, calling.inpaint(model, photos, holes))
        errors[name] = np.mean([psnr(a.astype(np.int64) - b) for a, b in zip(filled, photos, strict=True)])
    assert errors["safepaint"] > errors["telea"] - 0.5


def test_of_what_ships_the_first_generator_adds_to_the_smooth_start(on_val):
    photos, masks = (
        torch.from_numpy(on_val[0]).permute(0, 3, 1, 2).float() / 255,
        torch.from_numpy(on_val[1])[:, None].float(),
    )
    model = load_inpainter("safepaint", device="cpu")
    assert isinstance(model, Adapter)
    network = model.network
    with torch.inference_mode():
        coarse = network(photos * (1 - masks), masks, refine=False).coarse
        start = fill_smoothly(photos * (1 - masks), masks)
    errors = [((picture - photos) * masks).abs().mean() for picture in (coarse, start)]
    assert errors[0] < 0.99 * errors[1]
