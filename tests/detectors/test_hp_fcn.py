"""HP-FCN: its layers, its loss, and that a few steps teach it something which the detector then uses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safebench_detectors.hp_fcn.network import HPFCN, HighPass, log_odds
from safebench_detectors.hp_fcn.recipe import Options, Recipe
from safetensors.torch import save_file

from safebench.models import calling, registry
from safebench.testing import DetectorContract, inputs

SIDE = 64


def _recipe(**options):
    return Recipe(registry.find("detectors", "hp-fcn")[0].card, Options(**{"width": 4, **options}))


@pytest.fixture
def untrained(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "hp.safetensors"
    save_file(HPFCN(2).state_dict(), path)
    return path


class TestContract(DetectorContract):
    name = "hp-fcn"

    @pytest.fixture(autouse=True)
    def _use_checkpoint(self, untrained):
        self.weights = untrained


def test_the_filters_are_first_differences_down_across_and_along_the_diagonal():
    image = torch.rand(1, 3, 6, 7)
    with torch.inference_mode():
        residuals = HighPass()(image)
    for colour in range(3):
        here = image[0, colour, 1:4, 1:4]
        for k, (y, x) in enumerate([(1, 0), (0, 1), (1, 1)]):
            there = image[0, colour, 1 + y : 4 + y, 1 + x : 4 + x]
            torch.testing.assert_close(residuals[0, 3 * colour + k, 1:4, 1:4], there - here)
        torch.testing.assert_close(residuals[0, 3 * colour, -1], torch.zeros(7))


def test_the_network_is_as_large_as_the_paper_says():
    network = HPFCN()
    sizes = []
    for unit in network.units:
        unit.register_forward_hook(lambda _, __, out: sizes.append(tuple(out.shape[1:])))
    with torch.inference_mode():
        logits = network.eval()(torch.rand(1, 3, 32, 48))
    assert sizes[1::2] == [(128, 16, 24), (256, 8, 12), (512, 4, 6), (1024, 2, 3)]
    assert logits.shape == (1, 2, 32, 48)
    torch.testing.assert_close(log_odds(logits).sigmoid()[:, 0], logits.softmax(dim=1)[:, 1])


def test_upsampling_begins_as_bilinear_interpolation_scaled():
    layer = HPFCN(2).up[1]
    x = torch.rand(1, layer.in_channels, 5, 6)
    with torch.inference_mode():
        wider = layer(x)
        scale = layer.weight[:, :, 3, 3] / (1 - 0.5 / 4) ** 2
        mixed = torch.einsum("bihw,io->bohw", x, scale)
        expected = torch.nn.functional.interpolate(mixed, scale_factor=4, mode="bilinear")
    torch.testing.assert_close(wider[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4])


def test_the_loss_is_that_of_the_formula():
    logits, masks = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    p = torch.where(masks > 0, logits.sigmoid(), 1 - logits.sigmoid())
    torch.testing.assert_close(_recipe().loss(logits, masks), (-((1 - p) ** 2) * p.log()).mean(dim=(1, 2, 3)))


def test_only_plain_convolutions_decay():
    recipe = _recipe()
    networks = recipe.build()
    decaying, others = recipe.optimisers(networks)["network"].param_groups
    assert decaying["weight_decay"] == 1e-5
    assert others["weight_decay"] == 0
    network = networks["network"]
    free = {id(p) for p in others["params"]}
    assert {id(network.high_pass.weight), id(network.up[0].weight), id(network.norm.weight)} <= free
    assert len(decaying["params"]) + len(others["params"]) == len(list(network.parameters()))


def test_training_teaches_and_its_product_is_used_as_it_is(tmp_path):
    torch.manual_seed(0)
    recipe = _recipe(inpainters=("noise",), untouched=0.25, learning_rate=1e-2)
    networks = recipe.build()
    optimiser = recipe.optimisers(networks)["network"]

    def update(name, loss):
        assert name == "network"
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    holes = np.zeros((6, SIDE, SIDE), bool)
    holes[:, 12:44, 10:50] = True
    photos = inputs.photos(6, (SIDE, SIDE))
    examples = [recipe.example(photos[k], holes[k], np.random.default_rng(k)) for k in range(6)]
    batch = {key: torch.stack([example[key] for example in examples]) for key in examples[0]}
    history = [recipe.step(networks, batch, update)["focal"].item() for _ in range(40)]
    assert history[-1] < 0.5 * history[0]

    networks["network"].eval()
    with torch.inference_mode():
        figures, pictures = recipe.validate(networks, batch), recipe.preview(networks, batch)
    untouched = ~batch["mask"].flatten(1).any(dim=1)
    assert torch.equal(figures["auc"].isnan(), untouched)
    assert torch.equal(figures["false_alarms"].isnan(), ~untouched)

    save_file({key: value.contiguous() for key, value in recipe.product(networks).items()}, tmp_path / "a.safetensors")
    fresh = recipe.build()
    recipe.start(fresh, recipe.product(networks), "a")
    torch.testing.assert_close(fresh["network"].state_dict(), networks["network"].state_dict())
    detector = calling.load_detector("hp-fcn", weights=tmp_path / "a.safetensors", device="cpu")
    found = calling.detect(detector, (batch["image"].permute(0, 2, 3, 1) * 255).round().byte().numpy())
    np.testing.assert_allclose(found.maps, pictures["map"][:, 0].numpy(), atol=1e-4)
