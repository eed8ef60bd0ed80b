"""SafePaint's recipe: its steps, what it trains and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safebench_inpainters import _features as features
from safebench_inpainters.safepaint.recipe import Recipe
from safetensors.torch import load_file
from torchvision.models import vgg16
from typer.testing import CliRunner

from safebench import load_inpainter
from safebench.cli.app import app
from safebench.errors import ConfigError, WeightsError
from safebench.inputs.images import save_png
from safebench.models import calling, registry
from safebench.testing import inputs
from safebench.training.against import Opponents
from safebench.training.config import make_configs


def recipe_of(preset: str, **options: Any) -> Recipe:
    """A small recipe whose perceptual network is random, so that nothing has to be at hand."""
    config = msgspec.convert({**Recipe.presets[preset], "size_preset": "small", **options}, Recipe.Config)
    recipe = Recipe(registry.find("inpainters", "safepaint")[0].card, config)
    torch.manual_seed(0)
    recipe.features = features.SqueezeNet()
    return recipe


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    photos = torch.from_numpy(inputs.photos(2, (64, 64))).permute(0, 3, 1, 2).float() / 255
    return {"photo": photos, "mask": torch.from_numpy(inputs.holes(2, (64, 64)))[:, None].float()}


def train(
    recipe: Recipe, batch: Mapping[str, torch.Tensor], steps: int
) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """The loop's part, as small as it can be; the order of updates is asserted."""
    torch.manual_seed(0)
    networks = recipe.build()
    optimisers = recipe.optimisers(networks)
    figures = []
    for _ in range(steps):
        order: list[str] = []

        def update(name: str, loss: torch.Tensor, order: list[str] = order) -> None:
            optimisers[name].zero_grad()
            loss.backward()
            optimisers[name].step()
            order.append(name)

        found = recipe.step(networks, batch, update)
        assert order == (["generator", "discriminator"] if recipe.refines else ["generator"])
        figures.append({name: float(value) for name, value in found.items()})
    return networks, figures


@pytest.mark.parametrize(
    ("preset", "variant", "parts"),
    [
        ("safebench", "full", {"domain", "collapse", "grain", "spread"}),
        ("safebench", "backbone", {"grain"}),
        ("paper", "full", {"domain", "spread"}),
        ("authors", "backbone+rwsa", set()),
    ],
)
def test_a_step_trains_what_its_preset_has(batch, preset, variant, parts):
    recipe = recipe_of(preset, variant=variant)
    networks, figures = train(recipe, batch, 2)
    always = {"l1", "perceptual", "style", "adversarial", "discriminator", "real", "fake"}
    for found in figures:
        assert set(found) == always | parts
        assert all(np.isfinite(value) for value in found.values())
    torch.manual_seed(0)
    fresh = recipe.build()
    for name in ("generator", "discriminator"):
        before, after = dict(fresh[name].named_parameters()), dict(networks[name].named_parameters())
        still = [key for key in before if torch.equal(before[key], after[key])]
        # with the authors' start, the few inner units of an attention may all be dead
        assert [key for key in still if preset == "safebench" or ".fc." not in key] == []
        assert all(p.requires_grad for p in after.values())
    assert ("average" in networks) == (preset == "safebench")
    assert set(recipe.product(networks)) == set(fresh["generator"].state_dict())


@pytest.mark.parametrize("preset", ["safebench", "authors"])
def test_the_coarse_stage_trains_g1_alone_by_its_own_picture(batch, preset):
    recipe = recipe_of(preset, stage="coarse")
    networks, figures = train(recipe, batch, 2)
    assert set(figures[0]) == {"l1", "perceptual", "style"}
    torch.manual_seed(0)
    fresh = dict(recipe.build()["generator"].named_parameters())
    moved = {key for key, value in networks["generator"].named_parameters() if not torch.equal(value, fresh[key])}
    assert moved == {key for key in fresh if key.startswith("coarse_generator.")}
    assert set(recipe.product(networks)) == set(networks["generator"].state_dict())  # G2 ships as it was
    shown = recipe.preview(networks, batch)
    assert not torch.equal(shown["coarse"], shown["final"])  # what ships is looked at, with both stages


def test_it_learns_from_lpips_of_what_ships(batch, shared):
    """With features weighed 0 their network, VGG-19, is not needed; the share of the carried detail learns, too."""
    weights = {"lambda_lpips": 1.0, "lambda_perceptual": 0.0, "lambda_style": 0.0}
    recipe = recipe_of("safebench", variant="backbone", **weights)
    recipe.prepare(torch.device("cpu"))
    networks, figures = train(recipe, batch, 3)
    assert {"perceptual", "style"}.isdisjoint(figures[0])
    assert 0 < figures[-1]["lpips"] < figures[0]["lpips"]
    share = [network.get_parameter("fine_generator.share.weight") for network in (networks["generator"], build(recipe))]
    assert not torch.equal(*share)
    _, figures = train(recipe_of("safebench", stage="coarse", lambda_lpips=1.0), batch, 1)
    assert "lpips" not in figures[0]


def test_the_generator_learns(batch):
    _, figures = train(recipe_of("authors", variant="backbone", learning_rate=1e-3), batch, 4)
    assert figures[-1]["l1"] < 0.9 * figures[0]["l1"]


def test_same_seed_same_losses(batch):
    runs = [train(recipe_of("safebench"), batch, 2)[1] for _ in range(2)]
    assert runs[0] == runs[1]


def test_gradients_of_the_generators_step_leave_the_discriminator_alone(batch):
    recipe = recipe_of("authors")
    networks = recipe.build()
    gradients: dict[str, list[bool]] = {}

    def update(name: str, loss: torch.Tensor) -> None:
        for network in networks.values():
            network.zero_grad()
        loss.backward()
        gradients[name] = [
            any(p.grad is not None for p in networks[n].parameters()) for n in ("generator", "discriminator")
        ]

    recipe.step(networks, batch, update)
    assert gradients == {"generator": [True, False], "discriminator": [False, True]}


def test_a_discriminator_that_nothing_asks_is_left_alone(batch):
    recipe = recipe_of("safebench", lambda_adversarial=0)
    asked: list[str] = []
    figures = recipe.step(recipe.build(), batch, lambda name, loss: asked.append(name))
    assert asked == ["generator"]
    assert not figures.keys() & {"adversarial", "discriminator", "real", "fake"}


def test_the_average_follows_the_generator(batch):
    recipe = recipe_of("safebench", variant="backbone")
    networks, _ = train(recipe, batch, 3)
    mine = dict(networks["generator"].named_parameters())
    average = recipe.product(networks)
    key = "coarse_generator.encoder.1.weight"
    start = dict(build(recipe).named_parameters())[key]
    assert 0 < (average[key] - mine[key]).abs().mean() < (start - mine[key]).abs().mean()


def build(recipe: Recipe) -> torch.nn.Module:
    torch.manual_seed(0)
    return recipe.build()["generator"]


def test_validation_and_preview(batch, shared):
    recipe = recipe_of("safebench", perceptual="squeezenet")
    recipe.prepare(torch.device("cpu"))
    networks = {name: network.eval() for name, network in recipe.build().items()}
    with torch.no_grad():
        figures = recipe.validate(networks, batch)
        pictures = recipe.preview(networks, batch)
        again = recipe.validate(networks, batch)
    assert {name: value.shape for name, value in figures.items()} == dict.fromkeys(("psnr", "lpips", "l1"), (2,))
    assert all(torch.equal(figures[name], again[name]) for name in figures)
    assert list(pictures) == ["hole", "coarse", "final", "original"]
    for picture in pictures.values():
        assert picture.shape == batch["photo"].shape
        assert 0 <= picture.min() <= picture.max() <= 1
    known = 1 - batch["mask"]
    assert torch.equal(pictures["final"] * known, batch["photo"] * known)


@pytest.mark.slow
def test_trained_by_the_command_and_used_at_once(shared, tmp_path):
    photos = tmp_path / "photos"
    for k, photo in enumerate(inputs.photos(4, (80, 96))):
        save_png(photos / f"{k}.png", photo)
    options = ["--images", str(photos), "--validation", str(photos), "--out", str(tmp_path / "out")]
    options += ["--size-preset", "small", "--perceptual", "squeezenet", "--resolution", "64", "--product", "fp16"]
    done = CliRunner().invoke(app, ["train", "safepaint", *options, "--steps", "2", "--batch-size", "2"])
    assert done.exit_code == 0, done.output
    product = tmp_path / "out" / "safepaint.safetensors"
    assert product.stat().st_size < 16e6
    model = load_inpainter("safepaint", weights=product, device="cpu")
    answer = calling.inpaint(model, inputs.photos(1, (70, 90)), inputs.holes(1, (70, 90)))
    assert answer.shape == (1, 70, 90, 3)


def test_missing_backbone_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SAFEBENCH_OFFLINE", "1")
    with pytest.raises(
        WeightsError, match=r"\(vgg19\): .*put the file at .*vgg19.*train with --set perceptual=.*squeezenet"
    ):
        features.load_features("vgg19", "perceptual loss")


def test_vgg16_is_torchvisions_up_to_relu4_3(shared, monkeypatch, tmp_path):
    """From a file that holds all thirteen convolutions; each place's features come with a mean square of 1."""
    backbone = tmp_path / "hub" / "checkpoints" / features.Vgg16.url.rsplit("/", 1)[-1]
    backbone.parent.mkdir(parents=True)
    backbone.symlink_to(shared / "torch-home" / "vgg16_features_fp16.safetensors")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    network = features.load_features("vgg16", "perceptual loss")
    with torch.device("meta"):  # its 138 million numbers need no drawing
        theirs = vgg16(weights=None).features[:23].eval()
    stored = {key.removeprefix("features."): value.float() for key, value in load_file(backbone).items()}
    theirs.load_state_dict({key: stored[key] for key in theirs.state_dict()}, assign=True)
    photo = torch.from_numpy(inputs.photos(1, (64, 64))).permute(0, 3, 1, 2).float() / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = theirs((photo - mean[:, None, None]) / deviation[:, None, None])
        [ours] = network(photo, [22])
    scale = expected.square().mean(1, keepdim=True).sqrt()
    torch.testing.assert_close(ours * scale, expected, atol=1e-2, rtol=1e-2)
    assert scale.mean() > 0.1, "the check is of features that say something"


@pytest.mark.parametrize("judged", ["output", "composite"])
def test_features_are_shared_without_changing_the_losses(batch, judged):
    """Both losses of two stages, against each computed by itself."""
    recipe = recipe_of("paper", judged=judged)
    photos, masks, network = batch["photo"], batch["mask"], recipe.features
    stages = [photos.flip(-1), photos.flip(-2)]
    perceptual, style = recipe._feature_losses(stages, photos, masks)
    weight = masks if judged == "output" else torch.ones_like(masks)
    expected_perceptual, expected_style = torch.zeros(()), torch.zeros(())
    for stage in stages:
        for layer in network.perceptual:
            (a,), (b,) = network(stage, [layer]), network(photos, [layer])
            expected_perceptual += (a - b).abs().mean()
        for layer in network.style:
            (a,), (b,) = network(stage * weight, [layer]), network(photos * weight, [layer])
            expected_style += (features.gram(a) - features.gram(b)).abs().mean()
    torch.testing.assert_close(perceptual, expected_perceptual)
    torch.testing.assert_close(style, expected_style)


def test_vgg_hands_out_the_layers_of_the_paper():
    network = features.Vgg19()
    kinds = [type(layer).__name__ for layer in network.layers]
    names = {}
    block, number = 1, 0
    for k, kind in enumerate(kinds):
        if kind == "MaxPool2d":
            block, number = block + 1, 0
        elif kind == "ReLU":
            number += 1
            names[k] = f"relu{block}_{number}"
    assert [names[k] for k in network.perceptual] == [f"relu{n}_1" for n in range(1, 6)]
    assert [names[k] for k in network.style] == ["relu2_2", "relu3_4", "relu4_4", "relu5_2"]


@pytest.mark.parametrize(("side", "fits"), [(250, False), (60, False), (66, False), (64, True), (68, True)])
def test_the_recipe_states_the_sides_that_it_can_be_trained_with(side, fits):
    options = {"images": ["x"], "resolution": side}
    if fits:
        assert make_configs(Recipe, "safepaint", "", None, options)[0].resolution == side
        return
    with pytest.raises(ConfigError, match=rf"--resolution {side}: .*at least 64 pixels a side, in multiples of 4"):
        make_configs(Recipe, "safepaint", "", None, options)


def test_it_trains_against_a_detector_that_stays_as_it_is(batch):
    recipe = recipe_of("safebench", variant="backbone", against=("iid-net",), lambda_against=20.0)
    recipe.opponents = Opponents(recipe.config.against, torch.device("cpu"))
    _, figures = train(recipe, batch, 6)
    assert figures[-1]["against"] < figures[0]["against"]
    plain = recipe_of("safebench", variant="backbone")
    assert "against" not in train(plain, batch, 1)[1][0]
    with pytest.raises(ConfigError, match="no gradients go through laplacian"):
        recipe_of("safebench", against=("laplacian",))
