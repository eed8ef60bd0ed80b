"""The loop on a tiny recipe: what it leaves, what it survives, what it refuses."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
import safetensors
import torch
from PIL import Image

from safebench.cli.training_run import train_model
from safebench.errors import ConfigError, SafebenchError, StoreError, TrainingError
from safebench.inputs.photos import FilePhoto
from safebench.models import registry
from safebench.training.config import make_configs
from safebench.training.data import Data, Examples, HeldOut, batches, open_data


def test_a_training_leaves_a_product_a_card_a_log_pictures_and_a_checkpoint(train, losses, tmp_path):
    train(tmp_path / "t", preset="wide", tags=f"a,{tmp_path}/b")
    with safetensors.safe_open(tmp_path / "t" / "mean-fill.safetensors", "pt") as product:
        assert sorted(product.keys()) == ["0.bias", "0.weight", "2.bias", "2.weight"]
        metadata = product.metadata()
        assert product.get_tensor("0.weight").shape[0] == 8, "the preset's"
    assert metadata["model"] == "mean-fill"
    assert msgspec.json.decode(metadata["config"]) == {
        "channels": 8,
        "rate": 0.02,
        "noise": 0.01,
        "breaks_at": 0,
        "tags": ["a", "b"],
    }
    card = (tmp_path / "t" / "mean-fill.md").read_text()
    assert "Mean of the known pixels" in card
    assert "- l1: 0." in card
    assert str(tmp_path) not in card, "a card names no folders of this machine"
    assert sorted(losses(tmp_path / "t")) == [1, 2, 3, 4, 5, 6]
    previews = sorted(path.name for path in (tmp_path / "t" / "previews").iterdir())
    assert previews == ["00000000.png", "00000003.png", "00000006.png"]
    with Image.open(tmp_path / "t" / "previews" / "00000006.png") as grid:
        assert grid.size == (2 * 32, 16 + 32)
    assert list((tmp_path / "t" / "tensorboard").iterdir())


def test_it_learns(train, losses, tmp_path):
    train(tmp_path / "t", steps=60, validate_every=60, noise=0.0)
    found = losses(tmp_path / "t")
    assert np.mean([found[k] for k in range(51, 61)]) < 0.6 * np.mean([found[k] for k in range(1, 6)])


def test_the_best_step_is_kept_not_the_last(train, read_log, tmp_path):
    train(tmp_path / "t", steps=16, validate_every=2, rate=0.2)
    entries = [entry for entry in read_log(tmp_path / "t") if "validation" in entry and entry["step"]]
    best = min(entries, key=lambda entry: entry["validation"]["l1"])
    assert best["step"] < 16, "with such a rate it swings"
    with safetensors.safe_open(tmp_path / "t" / "mean-fill.safetensors", "pt") as product:
        assert product.metadata()["step"] == str(best["step"])
        assert msgspec.json.decode(product.metadata()["validation"]) == best["validation"]


def test_going_on_gives_the_losses_of_an_undisturbed_training(train, losses, tmp_path):
    train(tmp_path / "whole", steps=8, validate_every=2)
    train(tmp_path / "parts", steps=4, validate_every=2)
    train(tmp_path / "parts", steps=8, validate_every=2, resume=True)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert (tmp_path / "parts" / "mean-fill.safetensors").stat().st_size > 0


def test_a_trainings_folder_alone_is_enough_to_go_on(train, losses, tmp_path, monkeypatch):
    monkeypatch.setattr("safebench.training.loop.limit_threads", lambda: None)
    train(tmp_path / "whole", steps=6, validate_every=2, rate=0.1)
    train(tmp_path / "parts", steps=4, validate_every=2, rate=0.1)
    (tmp_path / "parts").rename(tmp_path / "moved")
    train_model(str(tmp_path / "moved"), "", None, [], {"steps": 6}, resume=True)
    assert losses(tmp_path / "moved") == losses(tmp_path / "whole")


def test_a_folder_without_a_training_is_told(tmp_path):
    with pytest.raises(StoreError, match="there is no such checkpoint"):
        train_model(str(tmp_path), "", None, [], {}, resume=True)


@pytest.mark.slow
def test_killed_and_resumed_the_command_ends_with_the_same_losses(command, train, losses, tmp_path):
    options = ("--steps", "24", "--validate-every", "5")
    train(tmp_path / "whole", steps=24, validate_every=5, validation_photos=4)
    killed = command.run(tmp_path / "killed", *options, MEAN_FILL_IS_KILLED_AT="18")
    assert killed.returncode == -signal.SIGKILL
    assert max(losses(tmp_path / "killed")) == 17
    resumed = command.run(tmp_path / "killed", *options, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    found, expected = losses(tmp_path / "killed"), losses(tmp_path / "whole")
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-6)
    assert not list((tmp_path / "killed").rglob(".*.tmp")), "what a killed training left half-written is cleared away"


@pytest.mark.slow
def test_an_interrupted_training_saves_its_state(command, losses, tmp_path):
    child = command.start(tmp_path / "t", "--steps", "100000", "--validate-every", "100000")
    log = tmp_path / "t" / "log.jsonl"
    while not log.exists() or log.read_text().count("\n") < 9:
        assert child.poll() is None
        time.sleep(0.005)
    child.send_signal(signal.SIGINT)
    told = child.finish().stderr
    assert "--resume" in told
    assert "Traceback" not in told
    state = torch.load(tmp_path / "t" / "checkpoint.pt", weights_only=True)
    assert state["step"] == max(losses(tmp_path / "t"))


@pytest.mark.slow
def test_two_processes_give_the_curve_of_one_with_twice_the_batch(command, train, losses, tmp_path):
    options = ("--steps", "12", "--validate-every", "6", "--set", "noise=0")
    train(tmp_path / "one", steps=12, validate_every=6, noise=0, batch_size=4, validation_photos=4)
    two = command.launch(tmp_path / "two", 2, *options)
    assert two.returncode == 0, two.stderr
    found, expected = losses(tmp_path / "two"), losses(tmp_path / "one")
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-5)
    assert len(found) == 12


def test_a_loss_that_is_no_number_stops_it_and_leaves_the_last_good_checkpoint(train, tmp_path):
    with pytest.raises(TrainingError, match=r"step 5: the loss 'filler' became nan.*checkpoint of step 3"):
        train(tmp_path / "t", breaks_at=5)
    state = torch.load(tmp_path / "t" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    assert all(tensor.isfinite().all() for tensor in state["networks"]["filler"].values())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"images": ["/no/such/folder"]}, "/no/such/folder"),
        ({"images": []}, "--images"),
        ({"masks": "no-such-masks"}, "no-such-masks"),
        ({"preset": "wise"}, "preset 'wise'; it has wide"),
        ({"colour": "red"}, "no option 'colour'; its own are channels, rate"),
        ({"channels": "many"}, "channels"),
        ({"steps": 0}, "steps 0"),
        ({"resolution": 8}, "resolution 8"),
        ({"device": "tpu"}, "device tpu"),
        ({"init": "/no/checkpoint.pt"}, "/no/checkpoint.pt"),
        ({"resume": True}, "no checkpoint to go on from"),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(train, tmp_path, options, says):
    with pytest.raises(SafebenchError, match=says):
        train(tmp_path / "t", **options)


def test_a_training_in_the_folder_is_neither_lost_nor_mixed_with_another(train, tmp_path):
    train(tmp_path / "t")
    with pytest.raises(StoreError, match="go on with --resume"):
        train(tmp_path / "t")
    with pytest.raises(StoreError, match=r"rate was 0\.01, now 0\.1"):
        train(tmp_path / "t", resume=True, rate=0.1)
    (tmp_path / "t" / "checkpoint.pt").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(StoreError, match=r"no checkpoint of a training"):
        train(tmp_path / "t", resume=True)


def test_a_checkpoint_runs_no_code(train, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "t").mkdir()
    torch.save({"step": Bomb(), "about": "{}"}, tmp_path / "t" / "checkpoint.pt")
    with pytest.raises(StoreError):
        train(tmp_path / "t", resume=True)
    assert not (tmp_path / "ran").exists()


def test_examples_depend_on_the_seed_and_their_number_alone(recipes, photos):
    entry, _ = registry.find("recipes", "mean-fill")

    def first(seed: int, workers: int, step: int) -> torch.Tensor:
        given = {"images": [str(photos)], "resolution": 32, "seed": seed, "workers": workers, "steps": 5}
        config, own = make_configs(entry.load_class(), entry.name, "", None, given)
        data = open_data(config, entry.load_class()(entry.card, own))
        return next(batches(data.training, config, step, 0, 1))["photo"]

    assert torch.equal(first(0, 0, 2), first(0, 1, 2))
    assert not torch.equal(first(0, 0, 2), first(1, 0, 2))
    assert not torch.equal(first(0, 0, 2), first(0, 0, 3))


def test_a_window_is_a_part_of_the_square_that_would_be_trained_on(recipes, photos):
    entry, _ = registry.find("recipes", "mean-fill")

    def data(window: int) -> Data[Examples, HeldOut]:
        given = {"images": [str(photos)], "resolution": 64, "window": window, "bins": "20-30"}
        config, own = make_configs(entry.load_class(), entry.name, "", None, given)
        return open_data(config, entry.load_class()(entry.card, own))

    whole, part = data(0), data(32)
    assert part.held_out[0]["photo"].shape[-2:] == (64, 64)  # validated on whole squares
    for number in range(8):
        square, window = whole.training[number], part.training[number]
        assert window["photo"].shape[-2:] == window["mask"].shape[-2:] == (32, 32)
        assert 0 < window["mask"].mean() < 1
        places = square["photo"].unfold(1, 32, 1).unfold(2, 32, 1)  # 3 x 33 x 33 x 32 x 32
        assert (places == window["photo"][:, None, None]).all(-1).all(-1).all(0).any()


def test_no_held_out_photo_is_trained_on(recipes, photos):
    entry, _ = registry.find("recipes", "mean-fill")
    config, own = make_configs(entry.load_class(), entry.name, "", None, {"images": str(photos), "resolution": 32})
    data = open_data(config, entry.load_class()(entry.card, own))
    trained = {photo.name for photo in data.training.photos.photos}
    held = {photo.name for photo in data.held_out.photos}
    assert not trained & held
    assert len(trained | held) == 24


def test_photos_on_a_list_are_left_out_on_both_sides(recipes, photos, tmp_path, capfd):
    unwanted = tmp_path / "unwanted.txt"
    unwanted.write_text("".join(f"{k:02d}.png\n" for k in range(4, 24)) + "nobody.png\n")
    entry, _ = registry.find("recipes", "mean-fill")
    given = {"images": [str(photos)], "exclude": str(unwanted), "resolution": 32, "validation": str(photos)}
    config, own = make_configs(entry.load_class(), entry.name, "", None, given)
    data = open_data(config, entry.load_class()(entry.card, own))
    assert len(data.training.photos) == len(data.held_out) == 4
    told = capfd.readouterr().err
    assert f"--exclude {unwanted}: 20 photos are left out" in told
    assert "1 of its lines name no photo (nobody.png)" in told
    with pytest.raises(ConfigError, match=r"nowhere\.txt"):
        open_data(msgspec.structs.replace(config, exclude="nowhere.txt"), entry.load_class()(entry.card, own))


def test_equal_names_in_two_folders_are_two_photos(recipes, photos, tmp_path):
    for k, path in enumerate(sorted(photos.iterdir())):
        target = tmp_path / ("a", "b")[k % 2] / f"{k // 2:02d}.png"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    entry, _ = registry.find("recipes", "mean-fill")
    images = [str(tmp_path / name) for name in ("a", "b", "a")]
    given = {"images": images, "resolution": 32}
    config, own = make_configs(entry.load_class(), entry.name, "", None, given)
    data = open_data(config, entry.load_class()(entry.card, own))
    trained, held = list(data.training.photos.photos), list(data.held_out.photos)
    assert len(held) == 1
    paths = {photo.path for photo in trained + held if isinstance(photo, FilePhoto)}
    assert paths == {path for name in ("a", "b") for path in (tmp_path / name).iterdir()}
    assert len(trained) == 23, "a folder that is named twice is the same photos"


def test_a_photo_whose_file_cannot_be_opened_is_left_out_and_named(train, tmp_path, photos, capfd, monkeypatch):
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "05.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    train(tmp_path / "t", steps=3)
    assert "left out of the training: 05.png: it cannot be read" in capfd.readouterr().err


def test_a_photo_that_cannot_be_read_is_left_out_and_named(train, tmp_path, capfd, photos):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for k in range(8):
        (folder / f"broken{k}.png").write_bytes(b"no picture")
    train(tmp_path / "t", images=[str(folder)], validation=str(photos), steps=20, validate_every=20)
    assert "broken" in capfd.readouterr().err


def test_a_file_holds_the_options_and_flags_override_it(recipes, photos, tmp_path):
    entry, _ = registry.find("recipes", "mean-fill")
    file = tmp_path / "train.toml"
    file.write_text(f'images = ["{photos}"]\nbatch-size = 8\nrate = 0.5\ntags = ["x"]\n')
    config, own = make_configs(entry.load_class(), entry.name, "wide", file, {"rate": "0.25", "steps": "7"})
    assert (config.batch_size, config.steps, own.rate, own.channels, own.tags) == (8, 7, 0.25, 8, ("x",))
