"""The loop: steps, validation, checkpoints; a recipe says what a step is."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import filelock
import msgspec
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from safebench.errors import ConfigError, StoppedError, StoreError, TrainingError
from safebench.files import check_folder, expanded, other_things
from safebench.keys import digest
from safebench.models.contracts import Recipe
from safebench.models.devices import describe_device, why_not_bf16
from safebench.models.registry import Entry
from safebench.training import checkpoint
from safebench.training.config import TrainConfig, differences
from safebench.training.data import AnyData, batches, open_data
from safebench.training.logbook import LOG, Logbook
from safebench.training.memory import keep_freed_memory
from safebench.training.product import write_product
from safebench.training.stopping import stop_requests
from safebench.training.validating import validate
from safebench.weights.read.checkpoints import load_state
from safebench.work.watching import Watcher

_SAVE_SECONDS = 600
"""A checkpoint is also saved between two validations that lie far apart."""


class Trainer:
    """One training.  `out` holds all that it makes; see docs/training.md for what lies there.

    data: what it learns from, where that is not photos with holes, as the config names them.
    """

    def __init__(
        self,
        entry: Entry,
        recipe: Recipe,
        config: TrainConfig,
        preset: str,
        watcher: Watcher,
        data: AnyData | None = None,
    ) -> None:
        self._remark = why_not_bf16(config.device) if config.precision == "bf16" else ""
        if self._remark:
            config = msgspec.structs.replace(config, precision="fp32")
        self.config = config
        self.recipe = recipe
        self.watcher = watcher
        self.folder = expanded(config.out or Path("trainings") / entry.name)
        check_folder(self.folder)
        self.accelerator = Accelerator(
            mixed_precision="bf16" if config.precision == "bf16" else "no", cpu=config.device == "cpu"
        )
        if config.device == "cuda" and self.accelerator.device.type != "cuda":
            raise ConfigError("--device cuda: there is no GPU that can be used here")
        self.device = self.accelerator.device
        self.data: AnyData = data or open_data(config, recipe)
        about = {
            "model": entry.name,
            "title": entry.card.title,
            "preset": preset,
            "config": msgspec.to_builtins(config),
            "recipe": msgspec.to_builtins(recipe.config),
            "data": dict(self.data.fingerprints),
            "summary": self.data.summary,
            "photo_licences": self.data.licences,
            "sets": self.data.sets,
            "adapted": self.data.adapted,
            "licence": entry.card.licence.code,
            "processes": self.accelerator.num_processes,
            "device": describe_device(str(self.device)),
            "step": 0,
            "seconds": 0.0,
        }
        # through JSON, as it comes back from a checkpoint
        self.about: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(about))

    def run(self, resume: bool) -> Path:
        """Train to the end; returns the product's path.

        Raises StoreError where the folder holds another training, one of more steps or, without `resume`, any;
        TrainingError where a loss is not finite: the last good checkpoint stays.  Interrupted, it saves its state.
        """
        if self._remark:
            self.watcher.note(self._remark)
        state = self._state(resume)
        product = self.folder / f"{self.about['model']}.safetensors"
        if state is not None and state.step == self.config.steps and product.exists():
            return product
        if self.device.type == "cpu":
            keep_freed_memory()
        torch.manual_seed(int(digest("networks", self.config.seed)[:15], 16))
        networks = {name: network.to(self.device) for name, network in self.recipe.build().items()}
        if state is not None:
            checkpoint.restore(state, networks, self.folder / checkpoint.FILE)
            self.about["seconds"] = state.about["seconds"]
        elif self.config.init:
            self._begin_from(expanded(self.config.init), networks)
        optimisers = self.recipe.optimisers(networks)
        if state is not None:
            for name, optimiser in optimisers.items():
                optimiser.load_state_dict(state.optimisers[name])
        self.recipe.prepare(self.device)
        first = state.step if state else 0
        running = _Running(self, self._distributed(networks), optimisers, first, state.best if state else None)
        return running.run()

    def _state(self, resume: bool) -> checkpoint.State | None:
        """What is gone on from; None at a start."""
        path = self.folder / checkpoint.FILE
        if not resume:
            if path.exists():
                raise StoreError(
                    f"{self.folder}: holds a training already; go on with --resume, or choose another --out"
                )
            return None
        if not path.exists():
            raise StoreError(f"{self.folder}: holds no checkpoint to go on from; leave out --resume to begin")
        state = checkpoint.load(path)
        before, now = state.about, self.about
        others = differences(before["config"], now["config"]) + differences(before["recipe"], now["recipe"])
        others += differences({"model": before["model"]}, {"model": now["model"]})
        others += differences({"processes": before["processes"]}, {"processes": now["processes"]})
        others += [f"the {name} are others" for name, was in before["data"].items() if was != now["data"].get(name)]
        if others:
            raise StoreError(f"{path}: belongs to a training with other options: {'; '.join(others)}")
        if state.step > self.config.steps:
            raise StoreError(
                f"{path}: has made {state.step} steps already, more than the {self.config.steps} that are asked for; "
                f"name as many by --steps, or choose another --out"
            )
        return state

    def _begin_from(self, path: Path, networks: Mapping[str, nn.Module]) -> None:
        if path.suffix == Path(checkpoint.FILE).suffix:
            checkpoint.restore(checkpoint.load(path), networks, path)
        else:
            self.recipe.start(networks, load_state(path), str(path))

    def _distributed(self, networks: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        """Networks whose gradients are shared among the processes, where there are several."""
        if self.accelerator.num_processes == 1:
            return dict(networks)
        learns = {name: any(p.requires_grad for p in network.parameters()) for name, network in networks.items()}
        return {
            name: self.accelerator.prepare_model(network) if learns[name] else network
            for name, network in networks.items()
        }


class _Running:
    """A training under way."""

    def __init__(
        self,
        trainer: Trainer,
        networks: dict[str, nn.Module],
        optimisers: dict[str, torch.optim.Optimizer],
        first: int,
        best: float | None,
    ) -> None:
        self.trainer = trainer
        self.networks = networks
        self.optimisers = optimisers
        self.first = self.step = self.saved = first
        self.best = best
        self.main = trainer.accelerator.is_main_process
        self.begun = time.monotonic() - trainer.about["seconds"]

    def run(self) -> Path:
        trainer, folder = self.trainer, self.trainer.folder
        if not self.main:
            with contextlib.suppress(KeyboardInterrupt):  # the main process says it
                self._steps(None)
            return folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if other := other_things(folder, (checkpoint.FILE, LOG)):
                raise StoreError(f"{folder}: holds other things ({other}) and no training; name a new folder by --out")
            with filelock.FileLock(folder / ".lock", timeout=0):
                for left in folder.rglob(".*.tmp"):
                    left.unlink(missing_ok=True)
                logbook = Logbook(folder, self.first)
                try:
                    self._steps(logbook)
                except KeyboardInterrupt:
                    raise StoppedError(self._how_to_go_on()) from None
                finally:
                    logbook.close()
        except filelock.Timeout:
            raise StoreError(f"{folder}: another training is at work in this folder") from None
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written to ({error.strerror or error})") from None
        return folder / f"{trainer.about['model']}.safetensors"

    def _steps(self, logbook: Logbook | None) -> None:
        """All steps that are left; raises KeyboardInterrupt where it was asked to stop, after saving its state."""
        trainer, config, accelerator = self.trainer, self.trainer.config, self.trainer.accelerator
        trainer.watcher.begin(f"Training {trainer.about['model']}", config.steps)
        trainer.watcher.advance(self.first, fresh=False)
        if logbook and self.first == 0:
            self._validate(logbook)
        examples, images = trainer.data.training, config.batch_size * accelerator.num_processes
        coming = batches(examples, config, self.first, accelerator.process_index, accelerator.num_processes)
        with stop_requests() as stop_asked:
            begun = saved = time.monotonic()
            for batch in coming:
                figures, stop = self._step({name: part.to(trainer.device) for name, part in batch.items()}, stop_asked)
                self.step += 1
                if logbook:
                    seconds = time.monotonic() - begun
                    speed = {"seconds": round(seconds, 4), "images_per_second": round(images / seconds, 3)}
                    logbook.step(self.step, {**figures, **speed})
                    trainer.watcher.advance(1)
                    due = self.step % config.validate_every == 0 or self.step == config.steps
                    if due:
                        self._validate(logbook)
                    if due or stop or time.monotonic() - saved > _SAVE_SECONDS:
                        self._save()
                        saved = time.monotonic()
                if stop and self.step < config.steps:
                    raise KeyboardInterrupt
                begun = time.monotonic()

    def _step(self, batch: Mapping[str, Tensor], stop_asked: Callable[[], bool]) -> tuple[dict[str, float], bool]:
        """One step's figures, of all processes, and whether any of them was asked to stop."""
        trainer = self.trainer
        torch.manual_seed(
            int(digest("step", trainer.config.seed, self.step, trainer.accelerator.process_index)[:15], 16)
        )
        for network in self.networks.values():
            network.train()
        try:
            with trainer.accelerator.autocast():
                figures = trainer.recipe.step(self.networks, batch, self._update)
        except torch.cuda.OutOfMemoryError:
            raise TrainingError(
                f"step {self.step + 1}: the GPU's memory is too small; lower --batch-size or --resolution"
            ) from None
        losses = torch.stack([figure.float().to(trainer.device) for figure in figures.values()])
        asked = torch.tensor([float(stop_asked())], device=trainer.device)
        *values, stop = trainer.accelerator.reduce(torch.cat([losses, asked]), "mean").tolist()
        means = dict(zip(figures, values, strict=True))
        for name, figure in means.items():
            if not math.isfinite(figure):
                self._break_off(name, figure)
        return means, stop > 0

    def _update(self, name: str, loss: Tensor) -> None:
        if not math.isfinite(value := float(loss.detach())):
            self._break_off(name, value)
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        self.trainer.accelerator.backward(loss)
        optimiser.step()

    def _break_off(self, name: str, value: float) -> NoReturn:
        kept = (
            f"the checkpoint of step {self.saved} is kept in {self.trainer.folder}; begin from it by --init"
            if self.saved
            else "there was no checkpoint yet"
        )
        raise TrainingError(f"step {self.step + 1}: the loss '{name}' became {value}, so the training stops; {kept}")

    def _how_to_go_on(self) -> str:
        if not self.saved:
            return "stopped before there was a checkpoint; the same command begins anew"
        return f"stopped; the same command with --resume goes on after step {self.saved}"

    def _validate(self, logbook: Logbook) -> None:
        """Figures and pictures of the held-out photos; the best so far becomes the product."""
        trainer = self.trainer
        networks = {name: checkpoint.bare(network) for name, network in self.networks.items()}
        with trainer.accelerator.autocast():
            figures, columns = validate(
                trainer.recipe, networks, trainer.data.held_out, trainer.config.batch_size, trainer.device
            )
        logbook.validation(self.step, figures)
        logbook.preview(self.step, columns)
        trainer.watcher.note(
            f"step {self.step}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        )
        if self.step and self._is_best(figures):
            trainer.about |= {"step": self.step, "seconds": time.monotonic() - self.begun}
            write_product(
                trainer.folder, trainer.recipe.product(networks), trainer.about, figures, trainer.data.listing
            )

    def _is_best(self, figures: Mapping[str, float]) -> bool:
        name, sense = self.trainer.recipe.watch
        value = figures[name]
        if math.isnan(value):
            return self.best is None
        if self.best is not None and (value >= self.best if sense == "min" else value <= self.best):
            return False
        self.best = value
        return True

    def _save(self) -> None:
        self.trainer.about["seconds"] = time.monotonic() - self.begun
        checkpoint.save(self.trainer.folder, self.step, self.networks, self.optimisers, self.best, self.trainer.about)
        self.saved = self.step


def limit_threads() -> None:
    """Let one process of several on a CPU use its share of the cores alone."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
