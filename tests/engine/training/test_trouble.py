"""What stops a training, and what it may begin from."""

from __future__ import annotations

import json
import signal
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from safebench.cli.listing import show
from safebench.errors import DataError, StoreError, WeightsError
from safebench.training.config import differences
from safebench.work.watching import Silent
from tests.forking import COMMAND_LINE, run_forked


def test_it_begins_from_a_product_or_a_checkpoint_at_another_resolution(train, tmp_path):
    first = train(tmp_path / "first", steps=3)
    product = load_file(first.folder / "mean-fill.safetensors")
    for name in ("mean-fill.safetensors", "checkpoint.pt"):
        second = train(tmp_path / name, steps=1, resolution=48, rate=0.0, init=str(first.folder / name))
        assert load_file(second.folder / "mean-fill.safetensors").keys() == product.keys()
        for key, tensor in load_file(second.folder / "mean-fill.safetensors").items():
            assert torch.equal(tensor, product[key])


def test_recipes_are_listed_beside_a_third_partys(recipes, capsys):
    show("recipes")
    assert "mean-fill" in capsys.readouterr().out


def test_what_does_not_fit_is_no_beginning(train, tmp_path):
    save_file({"0.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"other\.safetensors"):
        train(tmp_path / "a", init=str(tmp_path / "other.safetensors"))
    train(tmp_path / "narrow", steps=1)
    with pytest.raises(StoreError, match="network 'filler' does not fit"):
        train(tmp_path / "b", preset="wide", init=str(tmp_path / "narrow" / "checkpoint.pt"))


def test_going_on_needs_the_same_photos_and_options(train, tmp_path, photos):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    train(tmp_path / "t", images=[str(folder)], validation=str(photos))
    next(folder.iterdir()).unlink()
    with pytest.raises(StoreError, match="the photos are others"):
        train(tmp_path / "t", images=[str(folder)], validation=str(photos), resume=True)


def test_an_option_that_came_later_keeps_no_training_from_going_on():
    assert differences({"seed": 1, "steps": 5}, {"seed": 1, "steps": 9, "new": 2}) == []
    assert differences({"seed": 1}, {"seed": 2, "new": 2}) == ["seed was 1, now 2"]


def test_bf16_is_not_chosen_for_a_processor_without_it(train, tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(Silent, "note", lambda self, sentence: notes.append(sentence))
    monkeypatch.setattr("safebench.models.devices.has_bf16", lambda: False)
    trainer = train(tmp_path / "t", steps=1, precision="bf16")
    assert trainer.about["config"]["precision"] == trainer.config.precision == "fp32"
    assert trainer.accelerator.mixed_precision == "no"
    assert any("--precision bf16: this processor has no instructions for it" in note for note in notes)


def test_photos_without_enough_to_validate_on_are_refused(train, tmp_path, photos):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "00.png").write_bytes((photos / "00.png").read_bytes())
    with pytest.raises(DataError, match="--validation"):
        train(tmp_path / "t", images=[str(folder)])
    (folder / "00.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of the photos to validate on"):
        train(tmp_path / "t", validation=str(folder))
    with pytest.raises(DataError, match="none of the photos to train on"):
        train(tmp_path / "t", images=[str(folder)], validation=str(photos))
    with pytest.raises(DataError, match="none of the photos to train on") as caught:
        train(tmp_path / "u", images=[str(folder)], validation=str(photos), workers=1)
    assert "Traceback" not in str(caught.value)


def test_a_folder_of_other_things_takes_no_training(train, tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "chapter.tex").touch()
    with pytest.raises(StoreError, match=r"t: holds other things \(chapter.tex\) and no training"):
        train(tmp_path / "t")


def test_the_log_says_how_long_a_step_took(train, read_log, tmp_path):
    train(tmp_path / "t", steps=3)
    steps = [entry for entry in read_log(tmp_path / "t") if "l1" in entry]
    for entry in steps:
        assert entry["images_per_second"] == pytest.approx(2 / entry["seconds"], rel=0.05)


def test_a_training_that_began_without_leaving_a_checkpoint_begins_anew(train, read_log, tmp_path):
    train(tmp_path / "t", steps=3)
    (tmp_path / "t" / "checkpoint.pt").unlink()
    train(tmp_path / "t", steps=3)
    assert [entry["step"] for entry in read_log(tmp_path / "t")] == [0, 1, 2, 3, 3]


@pytest.mark.slow
def test_two_trainings_do_not_share_a_folder(command, train, tmp_path):
    child = command.start(tmp_path / "t", "--steps", "100000", "--validate-every", "100000")
    log = tmp_path / "t" / "log.jsonl"
    while not log.exists() or log.read_text().count("\n") < 2:
        assert child.poll() is None
        time.sleep(0.01)
    try:
        with pytest.raises(StoreError, match="another training is at work"):
            train(tmp_path / "t", steps=5)
    finally:
        child.send_signal(signal.SIGTERM)
        ended = child.finish()
    assert ended.returncode == 130
    assert ended.stderr.splitlines()[-1].startswith(
        "safebench: stopped; the same command with --resume goes on after step "
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_full_disk_is_told_in_a_sentence(command, tmp_path):
    """A limit of the size of files stands for the disk: both are errors of writing."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); " + COMMAND_LINE
    arguments = command.arguments(tmp_path / "t", "--device", "cpu", "--steps", "5", "--set", "channels=400")
    done = run_forked(limited, tmp_path, command.environment, arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot be written to" in done.stderr


def test_the_card_says_how_it_was_made_and_how_it_is_used(train, tmp_path, photos):
    train(tmp_path / "t", steps=3, product="fp16")
    card = (tmp_path / "t" / "mean-fill.md").read_text()
    for said in ("--weights mean-fill=", "23 photos", "irregular", "research", "fp16", "seed 0", "Steps: 3"):
        assert said in card, said
    assert load_file(tmp_path / "t" / "mean-fill.safetensors")["0.weight"].dtype == torch.float16
    assert json.loads((tmp_path / "t" / "log.jsonl").read_text().splitlines()[0])["step"] == 0
