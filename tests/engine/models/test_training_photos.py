"""Photos that a model's weights were made from are recognised, by content and by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from PIL import Image

import safebench
from safebench.commands.recording import described_all
from safebench.errors import SafebenchError
from safebench.inputs.photos import open_photos
from safebench.inputs.pictures import PUBLISHED
from safebench.metrics import perceptual
from safebench.models import kinds, registry
from safebench.models.code import code_of
from safebench.models.specs import participant
from safebench.models.training_photos import MOST, Seen, listing, parse, training_photos, training_sets
from safebench.route.picture_plan import make_picture_plan
from safebench.runs.config import RunConfig
from safebench.runs.provenance import seen_photos
from safebench.runs.record import RunRecord
from safebench.training.product import write_product
from safebench.work.watching import Silent

from ..installed import CARD, Plugin, as_a_new_process

FLAT = "flat_plugin/flat"


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """A model whose shipped weights were made from two of the sample's photos, one of which has changed since."""
    plugin = Plugin(tmp_path / "site")
    first, second = [photo for photo in open_photos("sample").photos() if photo.name.startswith("chelsea")]
    plugin.write(f"{FLAT}/photos.txt", listing([(first.name, first.fingerprint()), (second.name, "0" * 64)]))
    lines = 'shipped = "w.bin"\nshipped_photos = "photos.txt"\nshipped_not_for = "anything but gray photos"\n'
    plugin.write(f"{FLAT}/card.toml", f'{CARD}[[weights]]\nfile = "w.pth"\n{lines}')
    plugin.write(f"{FLAT}/w.bin", "weights")
    return plugin


def test_a_run_on_photos_seen_in_training_is_told(
    plugin: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Notes(Silent):
        said: list[str] = []  # noqa: RUF012

        def note(self, sentence: str) -> None:
            self.said.append(sentence)

    def no_backbone(*_: object) -> None:
        raise SafebenchError("LPIPS has no part in this test")

    monkeypatch.setattr(perceptual, "load_perceptual", no_backbone)
    with as_a_new_process(plugin.site):
        results = safebench.run(
            inpainters=["flat", "telea"], bins="10-20", size=64, out=tmp_path / "run", watcher=Notes()
        )
    told = (
        "Seen in training: flat learned from 1 of the 28 photos and photos of the same names as 1 more of the 28. "
        "Figures on such photos say little of others."
    )
    assert told in Notes.said
    assert seen_photos(safebench.open_run(results.folder).record) == told
    model = json.loads((results.folder / "run.json").read_text())["inpainters"]["flat"]
    assert model["seen_in_training"] == {"content": 1, "name": 1, "photos": 28}
    assert model["not_good_for"] == "anything but gray photos"


def test_a_name_counts_without_its_folder_ending_and_case() -> None:
    made_from = listing([("train/Cat 1.jpg", "a" * 64)])
    assert "Cat" not in made_from, "a listing tells no names"
    assert parse(made_from).among([("x/cat 1.PNG", "b" * 64), ("cat 2.jpg", "c" * 64)]) == Seen(
        content=0, name=1, photos=2
    )
    assert Seen(content=0, name=0, photos=9).sentence("x") == ""


def test_too_many_photos_give_no_listing() -> None:
    assert listing([(str(k), "0" * 64) for k in range(MOST + 1)]) == ""


def test_what_was_trained_here_carries_its_listing(tmp_path: Path) -> None:
    about = {
        "model": "safepaint", "title": "", "preset": "", "step": 1, "seconds": 1.0, "processes": 1, "device": "cpu",
        "config": {"product": "fp32", "seed": 0, "batch_size": 1, "resolution": 8, "precision": "fp32", "init": None},
        "recipe": {}, "data": {"photos": "", "validation": ""}, "summary": "", "licence": "", "photo_licences": "",
    }  # fmt: skip
    photos = [("a.jpg", "1" * 64)]
    path = write_product(tmp_path, {"w": torch.zeros(1)}, {**about, "sets": ["places2"]}, {}, listing(photos))
    assert training_sets(participant("inpainters", "safepaint", path)) == ("places2",)
    known = training_photos(participant("inpainters", "safepaint", path))
    assert known is not None
    assert known.among([*photos, ("b.jpg", "2" * 64)]) == Seen(content=1, name=0, photos=2)
    safetensors.numpy.save_file({"w": np.zeros(1, np.float32)}, tmp_path / "bare.safetensors")
    assert training_photos(participant("inpainters", "safepaint", tmp_path / "bare.safetensors")) is None


def test_a_run_over_a_set_that_weights_learned_from_is_told(tmp_path: Path) -> None:
    for name in ("fake/glide_inpainting_val2017_7_up.png", "mask/cat_7_mask.png", "real/cat_7.png"):
        place = tmp_path / "mine" / name
        place.parent.mkdir(parents=True)
        Image.new("RGB", (40, 40), (0, 9, 0) if "mask" not in name else "black").save(place)
    weights = tmp_path / "known.safetensors"
    safetensors.numpy.save_file({"w": np.zeros(1, np.float32)}, weights, {"sets": "coco casia"})
    models = [participant("inpainters", "safepaint", weights), participant("detectors", "laplacian")]
    plan = make_picture_plan(RunConfig(inpainters=(), pictures=str(tmp_path / "mine"), size="native"))
    said = described_all({}, models, plan)
    assert (said["safepaint"].trained_sets, said["safepaint"].met_sets) == (("coco", "casia"), ("coco",))
    assert said["laplacian"].met_sets == ()
    told = seen_photos(RunRecord(inpainters={"safepaint": said["safepaint"]}))
    assert "safepaint learned from the data sets that these pictures are of (coco)" in told


def test_cards_of_detectors_name_the_sets_that_pictures_are_known_by() -> None:
    [trufor] = registry.entries("detectors")["trufor"].card.weights[:1]
    assert {"casia", "imd2020"} <= set(trufor.trained_sets)
    known = {published.name for published in PUBLISHED}
    assert {"casia", "imd2020"} <= known


def test_every_card_that_ships_weights_says_what_they_saw_and_what_they_are_not_for() -> None:
    cards = [entry for kind in kinds.MODELS for entry in registry.entries(kind.name).values()]
    shipping = [(entry, weights) for entry in cards for weights in entry.card.weights if weights.shipped]
    assert {entry.name for entry, _ in shipping} >= {"safepaint", "iid-net", "laplacian"}
    for entry, weights in shipping:
        assert weights.shipped_not_for, entry.name
        assert "\n" not in weights.shipped_not_for, entry.name
        assert len((entry.folder / weights.shipped_photos).read_text().splitlines()) >= 100, entry.name


def test_another_listing_is_no_other_code(plugin: Plugin) -> None:
    with as_a_new_process(plugin.site):
        before = code_of(plugin.entry())
    plugin.write(f"{FLAT}/photos.txt", "")
    with as_a_new_process(plugin.site):
        assert code_of(plugin.entry()) == before


def test_the_training_photos_of_the_shipped_weights_are_recognised(shared: Path) -> None:
    photos = [(photo.name, photo.fingerprint()) for photo in open_photos(str(shared / "data/bsds500/test")).photos()]
    known = training_photos(participant("inpainters", "safepaint"))
    assert known is not None
    assert known.among(photos) == Seen(content=200, name=0, photos=200)
