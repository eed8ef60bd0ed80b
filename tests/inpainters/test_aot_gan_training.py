"""AOT-GAN's recipe: its step, where RWSA stands, and that its product is taken."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from safebench_inpainters import _features as features
from safebench_inpainters.aot_gan.discriminator import enlarged, softened, telling
from safebench_inpainters.aot_gan.network import Generator
from safebench_inpainters.aot_gan.recipe import Recipe
from safetensors.torch import save_file

from safebench import load_inpainter
from safebench.errors import WeightsError
from safebench.models import calling, registry
from safebench.testing import inputs


def recipe_of(attention: str) -> Recipe:
    config = msgspec.convert({"attention": attention, "width": 8}, Recipe.Config)
    recipe = Recipe(registry.find("inpainters", "aot-gan")[0].card, config)
    torch.manual_seed(0)
    recipe.use(features.SqueezeNet())
    return recipe


@pytest.fixture(scope="module")
def batch():
    photos = torch.from_numpy(inputs.photos(2, (64, 64))).permute(0, 3, 1, 2).float() / 255
    return {"photo": photos, "mask": torch.from_numpy(inputs.holes(2, (64, 64)))[:, None].float()}


@pytest.mark.parametrize("attention", ["none", "rwsa-down", "rwsa-up"])
def test_a_step_trains_all_that_there_is(batch, attention, tmp_path):
    recipe = recipe_of(attention)
    networks = recipe.build()
    before = {name: {k: v.clone() for k, v in network.named_parameters()} for name, network in networks.items()}
    optimisers, order = recipe.optimisers(networks), []

    def update(name: str, loss: torch.Tensor) -> None:
        optimisers[name].zero_grad()
        loss.backward()
        optimisers[name].step()
        order.append(name)

    figures = recipe.step(networks, batch, update)
    assert order == ["generator", "discriminator"]
    assert set(figures) == {"l1", "perceptual", "style", "adversarial", "discriminator"}
    assert all(np.isfinite(float(value)) for value in figures.values())
    for name, network in networks.items():
        still = [k for k, value in network.named_parameters() if torch.equal(value, before[name][k])]
        # an attention has one inner unit at this width, which may be dead; a gate's bias is taken away by its mean
        assert [k for k in still if ".fc." not in k and "gate.1.bias" not in k] == []
    assert any("background_attention" in key for key in recipe.product(networks)) == (attention != "none")

    file = tmp_path / "aot-gan.safetensors"
    save_file(dict(recipe.product(networks)), file, {"config": msgspec.json.encode(recipe.config).decode()})
    model = load_inpainter("aot-gan:rwsa" if attention != "none" else "aot-gan", weights=file, device="cpu")
    filled = calling.inpaint(model, inputs.photos(1, (62, 41)), inputs.holes(1, (62, 41)))
    assert filled.shape == (1, 62, 41, 3)


def test_rwsa_is_that_of_the_down_sampling_layers():
    down = Generator(8, "rwsa-down").state_dict()
    assert set(Generator(8, "rwsa").state_dict()) == set(down)
    assert {key.split(".")[1] for key in down if key.startswith(("down.", "up."))} == {"5", "7"}


def test_the_discriminator_learns_from_the_generators_loss_too(batch):
    recipe = recipe_of("none")
    networks, losses = recipe.build(), {}

    def update(name: str, loss: torch.Tensor) -> None:
        losses[name] = float(loss.detach())
        loss.backward()

    figures = recipe.step(networks, batch, update)
    both = float(figures["discriminator"] + figures["adversarial"])
    assert losses["discriminator"] == pytest.approx(both)


def test_the_masks_are_softened_by_a_gaussian_of_ten_pixels():
    mask = torch.zeros(1, 1, 101, 101)
    mask[..., 50, 50] = 1
    soft = softened(mask)
    assert float(soft.sum()) == pytest.approx(1, abs=1e-5)
    assert float(soft[..., 50, 60] / soft[..., 50, 50]) == pytest.approx(np.exp(-0.5), abs=1e-4)
    answers = enlarged(torch.ones(1, 1, 9, 9), mask)
    assert float(telling(answers, answers * 0, mask)) == pytest.approx(float((1 - soft).square().mean()))


def test_a_config_of_another_model_is_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors", {"config": '{"design": "paper"}'})
    with pytest.raises(WeightsError, match="none of AOT-GAN's"):
        load_inpainter("aot-gan", weights=tmp_path / "other.safetensors", device="cpu")


def test_a_network_without_rwsa_is_no_rwsa(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "plain.safetensors", {"config": '{"attention": "none"}'})
    with pytest.raises(WeightsError, match=r"plain\.safetensors: holds a network without RWSA"):
        load_inpainter("aot-gan:rwsa", weights=tmp_path / "plain.safetensors", device="cpu")
