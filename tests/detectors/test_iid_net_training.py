"""How IID-Net is trained: its pictures, its losses, and that a few steps teach it something."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safebench_detectors.iid_net.network import IIDNet, constrained
from safebench_detectors.iid_net.recipe import Options, Recipe, losses
from safebench_detectors.iid_net.starting import initialise
from safetensors.torch import save_file

from safebench.errors import ConfigError
from safebench.models import calling, registry

SIDE = 64


def _rng(seed=0):
    return np.random.default_rng(seed)


def _recipe(**options):
    return Recipe(registry.find("detectors", "iid-net")[0].card, Options(width=16, **options))


def test_an_example_is_filled_in_its_hole_alone(photo, hole):
    for options in ({"inpainters": ("telea",)}, {"inpainters": (), "drawn_anew": 1.0}):
        example = _recipe(untouched=0.0, **options).example(photo, hole, _rng())
        image = (example["image"].permute(1, 2, 0) * 255).round().numpy()
        np.testing.assert_array_equal(image[~hole], photo[~hole])
        assert (image[hole] != photo[hole]).any()
        np.testing.assert_array_equal(example["mask"][0].numpy(), hole)


def test_an_untouched_example_has_no_hole(photo, hole):
    example = _recipe(untouched=1.0).example(photo, hole, _rng())
    np.testing.assert_array_equal((example["image"].permute(1, 2, 0) * 255).round().numpy(), photo)
    assert not example["mask"].any()


def test_an_example_depends_on_its_generator_alone(photo, hole):
    first, second = (_recipe(inpainters=("noise", "telea"), drawn_anew=0.3) for _ in range(2))
    first.example(photo, hole, _rng(7))  # an inpainter that is loaded already makes no difference
    for seed in range(6):
        a, b = (recipe.example(photo, hole, _rng(seed)) for recipe in (first, second))
        assert torch.equal(a["image"], b["image"])
        assert torch.equal(a["mask"], b["mask"])


def test_a_width_that_does_not_divide_is_told():
    with pytest.raises(ConfigError, match="width: 20 is no positive multiple of 8"):
        Recipe(registry.find("detectors", "iid-net")[0].card, Options(width=20))


def test_nobody_to_fill_holes_is_told():
    with pytest.raises(ConfigError, match="inpainters and composites: name one at least"):
        _recipe(inpainters=())


def test_losses_are_those_of_the_formulas():
    logits, masks = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    entropy, focal = losses(logits, masks)
    for k in range(2):
        torch.testing.assert_close(entropy[k], F.binary_cross_entropy(logits[k].sigmoid(), masks[k]))
        p = logits[k].sigmoid()
        filled, rest = -0.25 * (1 - p) ** 2 * p.log(), -0.75 * p**2 * (1 - p).log()
        torch.testing.assert_close(focal[k], torch.where(masks[k] > 0, filled, rest).mean())


def test_constrained_filters_see_no_flat_colour():
    network = IIDNet(16, every_filter=True)
    initialise(network)
    used = constrained(network.bayar_conv.weight, every_filter=True)
    torch.testing.assert_close(used.sum(dim=(2, 3)), torch.zeros(3, 3), atol=1e-5, rtol=0)
    assert (used[:, :, 2, 2] == -1).all()
    torch.testing.assert_close(network.pf_conv.weight.sum(dim=(2, 3)), torch.zeros(9, 3))


def test_training_teaches_and_its_product_is_used_as_it_is(photo, tmp_path):
    torch.manual_seed(0)
    recipe = _recipe(inpainters=("noise",), untouched=0.25, learning_rate=3e-3)
    networks = recipe.build()
    optimiser = recipe.optimisers(networks)["network"]
    assert all(parameter.requires_grad for group in optimiser.param_groups for parameter in group["params"])
    kernel = networks["network"].att.local_att.weight.clone()

    def update(name, loss):
        assert name == "network"
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    batch = _batch(recipe, photo)
    history = [sum(recipe.step(networks, batch, update).values()).item() for _ in range(25)]
    assert history[-1] < 0.7 * history[0]
    torch.testing.assert_close(networks["network"].att.local_att.weight, kernel)  # stays as it was set

    networks["network"].eval()
    with torch.inference_mode():
        figures = recipe.validate(networks, batch)
        pictures = recipe.preview(networks, batch)
    untouched = ~batch["mask"].flatten(1).any(dim=1)
    assert 0 < untouched.sum() < len(untouched)
    assert torch.equal(figures["auc"].isnan(), untouched)
    assert torch.equal(figures["false_alarms"].isnan(), ~untouched)
    assert {tuple(picture.shape) for picture in pictures.values()} == {(6, 3, SIDE, SIDE)}

    save_file(_halved(recipe.product(networks)), tmp_path / "trained.safetensors")
    detector = calling.load_detector("iid-net", weights=tmp_path / "trained.safetensors", device="cpu")
    found = calling.detect(detector, (batch["image"].permute(0, 2, 3, 1) * 255).round().byte().numpy())
    np.testing.assert_allclose(found.maps, pictures["map"][:, 0].numpy(), atol=0.02)


def _halved(state):
    """As `safebench train --product fp16` stores it."""
    return {key: (value.half() if value.is_floating_point() else value).contiguous() for key, value in state.items()}


def _batch(recipe, photo):
    holes = np.zeros((6, SIDE, SIDE), bool)
    for k in range(6):
        holes[k, 8 + 4 * k : 32 + 4 * k, 10:50] = True
    examples = [recipe.example(photo, hole, _rng(seed)) for seed, hole in zip((0, 1, 2, 3, 4, 6), holes, strict=True)]
    return {key: torch.stack([example[key] for example in examples]) for key in examples[0]}


def test_the_authors_weights_can_go_on_learning_and_are_known_afterwards(photo, tmp_path):
    torch.manual_seed(0)
    entry = registry.find("detectors", "iid-net")[0]
    authors = IIDNet()
    initialise(authors)
    published = {"module." + key: value for key, value in authors.state_dict().items()}
    published["module.median.weight"] = torch.ones(1, 1, 3, 3)
    chosen = Recipe.options_of(published)
    recipe = Recipe(entry.card, Options(**chosen))
    networks = recipe.build()
    recipe.start(networks, published, "IID_weights.pth")
    product = {key: value.contiguous() for key, value in recipe.product(networks).items()}
    save_file(product, tmp_path / "iid-net.safetensors")
    save_file(published, tmp_path / "authors.safetensors")
    picture = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
    maps = []
    for path in (tmp_path / "iid-net.safetensors", tmp_path / "authors.safetensors"):
        detector = entry.load_class()(entry.card)
        detector.load(path, torch.device("cpu"))
        with torch.no_grad():
            maps.append(detector.detect(picture).maps)
    assert torch.equal(*maps)
    small = Recipe.options_of(_recipe().product(_recipe().build()))
    assert small == {"width": 16}
    with pytest.raises(ConfigError, match="every_filter"):
        _recipe(every_filter=False)
