"""The loop: steps, validation, checkpoints; a recipe says what a step is."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import filelock
import msgspec
import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from safebench import provenance
from safebench.contracts import Recipe
from safebench.errors import ConfigError, StoreError, TrainingError
from safebench.keys import digest
from safebench.registry import Entry
from safebench.training import checkpoint
from safebench.training.config import TrainConfig, differences
from safebench.training.data import batches, open_data
from safebench.training.logbook import Logbook
from safebench.training.product import write_product
from safebench.watching import Watcher

_PREVIEWED = 6


class Trainer:
    """One training.  `out` holds all that it makes; see docs/training.md for what lies there."""

    def __init__(self, entry: Entry, recipe: Recipe, config: TrainConfig, preset: str, watcher: Watcher) -> None:
        self.config = config
        self.recipe = recipe
        self.watcher = watcher
        self.folder = Path(config.out or Path("trainings") / entry.name).expanduser()
        self.accelerator = Accelerator(
            mixed_precision="bf16" if config.precision == "bf16" else "no", cpu=config.device == "cpu"
        )
        if config.device == "cuda" and self.accelerator.device.type != "cuda":
            raise ConfigError("--device cuda: there is no GPU that can be used here")
        self.device = self.accelerator.device
        self.data = open_data(config, recipe)
        about = {
            "model": entry.name,
            "title": entry.card.title,
            "preset": preset,
            "config": msgspec.to_builtins(config),
            "recipe": msgspec.to_builtins(recipe.config),
            "data": dict(self.data.fingerprints),
            "summary": self.data.summary,
            "processes": self.accelerator.num_processes,
            "device": provenance.device(str(self.device)),
            "step": 0,
            "seconds": 0.0,
        }
        # through JSON, as it comes back from a checkpoint
        self.about: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(about))

    def run(self, resume: bool) -> Path:
        """Train to the end; returns the product's path.

        Raises StoreError where the folder holds another training or, without `resume`, any; TrainingError where a loss
        is not finite: the last good checkpoint stays.  Interrupted, it saves its state.
        """
        state = self._state(resume)
        torch.manual_seed(int(digest("networks", self.config.seed)[:15], 16))
        networks = {name: network.to(self.device) for name, network in self.recipe.build().items()}
        if state is not None:
            checkpoint.restore(state, networks, self.folder / checkpoint.FILE)
            self.about["seconds"] = state.about["seconds"]
        elif self.config.init:
            path = Path(self.config.init).expanduser()
            checkpoint.restore(checkpoint.load(path), networks, path)
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
        found = differences(before["config"], now["config"]) + differences(before["recipe"], now["recipe"])
        found += [f"{name} differs" for name in ("model", "data", "processes") if before[name] != now[name]]
        if found:
            raise StoreError(f"{path}: belongs to a training with other options: {'; '.join(found)}")
        return state

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
            self._steps(None)
            return folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(folder / ".lock", timeout=0):
                for left in folder.rglob(".*.tmp"):
                    left.unlink(missing_ok=True)
                logbook = Logbook(folder, self.first)
                try:
                    self._steps(logbook)
                except KeyboardInterrupt:
                    self._save()
                    raise TrainingError(
                        f"stopped at step {self.step}; the same command with --resume goes on from there"
                    ) from None
                finally:
                    logbook.close()
        except filelock.Timeout:
            raise StoreError(f"{folder}: another training is at work in this folder") from None
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written to ({error.strerror or error})") from None
        return folder / f"{trainer.about['model']}.safetensors"

    def _steps(self, logbook: Logbook | None) -> None:
        trainer, config = self.trainer, self.trainer.config
        accelerator = trainer.accelerator
        trainer.watcher.begin(f"Training {trainer.about['model']}", config.steps)
        trainer.watcher.advance(self.first, fresh=False)
        if logbook and self.first == 0:
            self._validate(logbook)
        coming = batches(
            trainer.data.training, config, self.first, accelerator.process_index, accelerator.num_processes
        )
        for batch in coming:
            begun = time.monotonic()
            figures = self._step({name: part.to(trainer.device) for name, part in batch.items()})
            self.step += 1
            if logbook:
                images = config.batch_size * accelerator.num_processes
                speed = images / max(time.monotonic() - begun, 1e-9)
                logbook.step(self.step, {**figures, "images_per_second": round(speed, 3)})
            trainer.watcher.advance(1)
            if logbook and (self.step % config.validate_every == 0 or self.step == config.steps):
                self._validate(logbook)
                self._save()

    def _step(self, batch: Mapping[str, Tensor]) -> dict[str, float]:
        trainer = self.trainer
        torch.manual_seed(
            int(digest("step", trainer.config.seed, self.step, trainer.accelerator.process_index)[:15], 16)
        )
        for network in self.networks.values():
            network.train()
        with trainer.accelerator.autocast():
            figures = trainer.recipe.step(self.networks, batch, self._update)
        together = trainer.accelerator.reduce(torch.stack([f.float() for f in figures.values()]), "mean")
        found = dict(zip(figures, together.tolist(), strict=True))
        for name, figure in found.items():
            if not math.isfinite(figure):
                self._stop(name, figure)
        return found

    def _update(self, name: str, loss: Tensor) -> None:
        if not math.isfinite(value := float(loss.detach())):
            self._stop(name, value)
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        self.trainer.accelerator.backward(loss)
        optimiser.step()

    def _stop(self, name: str, value: float) -> None:
        kept = (
            f"the checkpoint of step {self.saved} is kept in {self.trainer.folder}; begin from it by --init"
            if self.saved
            else "there was no checkpoint yet"
        )
        raise TrainingError(f"step {self.step + 1}: the loss '{name}' became {value}, so the training stops; {kept}")

    def _validate(self, logbook: Logbook) -> None:
        """Figures and pictures of the held-out photos; the best so far becomes the product."""
        trainer, recipe = self.trainer, self.trainer.recipe
        networks = {name: checkpoint.bare(network).eval() for name, network in self.networks.items()}
        gathered: dict[str, list[np.ndarray[Any, Any]]] = {}
        loader = DataLoader(trainer.data.held_out, batch_size=trainer.config.batch_size)
        columns: list[dict[str, Tensor]] = []
        with torch.no_grad(), trainer.accelerator.autocast():
            for batch in loader:
                on_device = {name: part.to(trainer.device) for name, part in batch.items()}
                for name, values in recipe.validate(networks, on_device).items():
                    gathered.setdefault(name, []).append(values.double().cpu().numpy())
                if sum(len(next(iter(c.values()))) for c in columns) < _PREVIEWED:
                    columns.append(recipe.preview(networks, on_device))
        figures = {name: _mean(np.concatenate(parts)) for name, parts in gathered.items()}
        logbook.validation(self.step, figures)
        logbook.preview(self.step, {name: torch.cat([c[name] for c in columns])[:_PREVIEWED] for name in columns[0]})
        trainer.watcher.note(
            f"step {self.step}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        )
        if self.step and self._is_best(figures):
            trainer.about |= {"step": self.step, "seconds": time.monotonic() - self.begun}
            write_product(trainer.folder, recipe.product(networks), trainer.about, figures)

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


def _mean(values: np.ndarray[Any, Any]) -> float:
    """Of those that are figures: an example may have none."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def limit_threads() -> None:
    """Let one process of several on a CPU use its share of the cores alone."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
