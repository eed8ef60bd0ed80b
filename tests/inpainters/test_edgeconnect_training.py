"""EdgeConnect's recipe: its step against the authors' numbers, what a stage trains, and that its product is taken."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safebench_inpainters import _features as features
from safebench_inpainters._edges import whole_edges
from safebench_inpainters.edgeconnect.discriminator import fooling, telling
from safebench_inpainters.edgeconnect.network import InpaintingGenerator
from safebench_inpainters.edgeconnect.recipe import Recipe
from safetensors.torch import save_file

from safebench import load_inpainter
from safebench.errors import WeightsError
from safebench.models import calling, registry
from safebench.testing import inputs

HERE = Path(__file__).parent
BENCHMARKS = HERE.parents[1] / "benchmarks"
EDGES, PAINTING = {"edge_generator", "edge_discriminator"}, {"generator", "discriminator"}


def recipe_of(**options: Any) -> Recipe:
    config = msgspec.convert({"width": 8, **options}, Recipe.Config)
    recipe = Recipe(registry.find("inpainters", "edgeconnect")[0].card, config)
    torch.manual_seed(0)
    recipe.features = features.SqueezeNet()
    return recipe


@pytest.fixture(scope="module")
def batch():
    recipe, rng = recipe_of(), np.random.default_rng(0)
    examples = [
        recipe.example(photo, hole, rng)
        for photo, hole in zip(inputs.photos(2, (32, 32)), inputs.holes(2, (32, 32)), strict=True)
    ]
    return {key: torch.stack([example[key] for example in examples]) for key in examples[0]}


@pytest.mark.parametrize("stage", ["edge", "joint"])
def test_a_step_computes_what_the_authors_code_computes(stage, monkeypatch):
    """Their numbers: python benchmarks/training_step_hosts.py edgeconnect --upstream CHECKOUT --side 32 --write."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = runpy.run_path(str(BENCHMARKS / "training_step_hosts.py"))
    losses, gradients = script["Setting"]("edgeconnect", 32, 0, stage=stage).step()
    with np.load(HERE / "golden" / "edgeconnect-step.npz") as authors:
        np.testing.assert_allclose([losses[name] for name in sorted(losses)], authors[f"{stage}/losses"], rtol=1e-5)
        assert {f"{stage}/{name}" for name in gradients} | {f"{stage}/losses"} == {
            name for name in authors.files if name.startswith(f"{stage}/")
        }
        for name, network in gradients.items():
            expected = authors[f"{stage}/{name}"]
            gaps = np.abs(script["sampled"](network) - expected) / expected[:, :1]
            assert gaps.max() < 1e-5, name


@pytest.mark.parametrize(
    ("options", "trained", "placed"),
    [
        ({"stage": "edge"}, EDGES, set()),
        ({"stage": "edge-inpaint", "attention": "rwsa"}, PAINTING, {"down.7", "down.10"}),
        ({"stage": "joint", "attention": "rwsa-up"}, EDGES | PAINTING, {"up.0", "up.3", "up.6"}),
    ],
)
def test_a_stage_trains_its_networks_and_its_product_is_taken_where_it_can_paint(
    options, trained, placed, batch, tmp_path
):
    recipe = recipe_of(**options)
    networks = recipe.build()
    before = {name: {k: v.clone() for k, v in network.named_parameters()} for name, network in networks.items()}
    optimisers = recipe.optimisers(networks)
    assert set(optimisers) == trained

    def update(name: str, loss: torch.Tensor) -> None:
        optimisers[name].zero_grad()
        loss.backward()
        optimisers[name].step()

    figures = recipe.step(networks, batch, update)
    assert all(np.isfinite(float(value)) for value in figures.values())
    for name, network in networks.items():
        moved = {key for key, value in network.named_parameters() if not torch.equal(value, before[name][key])}
        # an attention has one inner unit at this width, which may be dead; a bias is taken away by the norm behind it
        wanted = {key for key in before[name] if ".fc." not in key and not key.endswith("bias")}
        assert wanted <= moved if name in trained else not moved, name

    product = dict(recipe.product(networks))
    assert {".".join(key.split(".")[1:3]) for key in product if ".background_attention" in key} == placed
    file = tmp_path / "edgeconnect.safetensors"
    save_file(product, file, {"config": msgspec.json.encode(recipe.config).decode()})
    fresh = recipe.build()
    recipe.start(fresh, product, str(file))
    assert torch.equal(fresh["generator"].encoder[1].weight, networks["generator"].encoder[1].weight)
    if options["stage"] == "edge":
        with pytest.raises(WeightsError, match="nothing that paints; train on from it"):
            load_inpainter("edgeconnect", weights=file, device="cpu")
        return
    model = load_inpainter("edgeconnect:rwsa" if placed else "edgeconnect", weights=file, device="cpu")
    filled = calling.inpaint(model, inputs.photos(1, (44, 36)), inputs.holes(1, (44, 36)))
    assert filled.shape == (1, 44, 36, 3)
    for network in networks.values():
        network.eval()
    with torch.no_grad():
        painted = recipe.preview(networks, batch)["filled"]
    photos, holes = inputs.photos(2, (32, 32)), inputs.holes(2, (32, 32))
    again = calling.composite(photos, holes, calling.inpaint(model, photos, holes))
    np.testing.assert_allclose(again / 255, painted.permute(0, 2, 3, 1), atol=0.51 / 255)


def test_the_edge_stage_is_judged_by_the_edges_in_the_hole(batch):
    recipe = recipe_of(stage="edge")
    assert recipe.watch == ("edge_f1", "max")
    assert recipe_of().watch == ("lpips", "min")
    edges = batch["edges"]
    networks = {
        "edge_generator": lambda *_: edges,
        "generator": InpaintingGenerator(8),
    }
    figures = recipe.validate(networks, {**batch, "mask": torch.ones_like(batch["mask"])})
    assert figures["edge_f1"][0] == 1
    assert torch.isnan(figures["edge_f1"][1]), "the second photo has no edges"
    networks["edge_generator"] = lambda *_: 1 - edges
    assert recipe.validate(networks, batch)["edge_f1"].tolist() == [0.0, 0.0]


def test_edges_are_those_of_the_whole_photo():
    photo = np.zeros((32, 32, 3), np.uint8)
    photo[8:24, 8:24] = 255
    grey, edges = whole_edges(photo)
    assert grey.shape == edges.shape == (1, 32, 32)
    assert grey.unique().tolist() == [0, 1]
    assert 40 < int(edges.sum()) < 80


@pytest.mark.parametrize("form", ["nsgan", "lsgan", "hinge"])
def test_each_form_of_the_adversarial_loss_falls_as_its_side_wins(form):
    high, low = torch.full((1, 1, 2, 2), 3.0), torch.full((1, 1, 2, 2), -3.0)
    assert telling(high, low, form) < telling(low, high, form)
    assert fooling(high, form) < fooling(low, form)


def test_the_forms_are_the_papers():
    real, fake = torch.tensor([0.5]), torch.tensor([-2.0])
    sigmoid = torch.sigmoid
    cross = -(sigmoid(real).log() + (1 - sigmoid(fake)).log()) / 2
    assert float(telling(real, fake, "nsgan")) == pytest.approx(float(cross))
    squares = ((sigmoid(real) - 1) ** 2 + sigmoid(fake) ** 2) / 2
    assert float(telling(real, fake, "lsgan")) == pytest.approx(float(squares))
    assert float(telling(real, fake, "hinge")) == pytest.approx(0.25)
    assert float(fooling(fake, "hinge")) == pytest.approx(2)


def test_a_config_of_another_model_is_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors", {"config": '{"design": "paper"}'})
    with pytest.raises(WeightsError, match="none of EdgeConnect's"):
        load_inpainter("edgeconnect", weights=tmp_path / "other.safetensors", device="cpu")


def test_a_network_without_rwsa_is_no_rwsa(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "plain.safetensors", {"config": '{"attention": "none"}'})
    with pytest.raises(WeightsError, match=r"plain\.safetensors: holds a network without RWSA"):
        load_inpainter("edgeconnect:rwsa", weights=tmp_path / "plain.safetensors", device="cpu")
