"""A recipe of a handful of parameters: learns the colours of holes, and moves a second network by the first."""

from __future__ import annotations

import os
import signal
from typing import Any, ClassVar

import msgspec
import torch
from torch import nn

from safebench.models.contracts import Recipe as Base
from safebench.weights.read.checkpoints import fit


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channels: int = 4
    rate: float = 0.01
    noise: float = 0.01
    breaks_at: int = 0
    tags: tuple[str, ...] = ()


class Recipe(Base):
    Config = Options
    presets: ClassVar[dict[str, Any]] = {"wide": {"channels": 8, "rate": 0.02}}
    watch = ("l1", "min")
    steps = 0

    def build(self) -> dict[str, nn.Module]:
        filler = nn.Sequential(
            nn.Conv2d(4, self.config.channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.config.channels, 3, 3, padding=1),
        )
        return {"filler": filler, "critic": nn.Conv2d(3, 1, 3)}

    def start(self, networks, product, name):
        fit(networks["filler"], product, name)

    def optimisers(self, networks):
        return {name: torch.optim.Adam(networks[name].parameters(), self.config.rate) for name in networks}

    def _fill(self, networks, batch):
        photo, mask = batch["photo"], batch["mask"]
        return networks["filler"](torch.cat([photo * (1 - mask), mask], 1))

    def step(self, networks, batch, update):
        self.steps += 1
        if self.steps == int(os.environ.get("MEAN_FILL_IS_KILLED_AT", "0")):
            os.kill(os.getpid(), signal.SIGKILL)
        filled = self._fill(networks, batch)
        loss = (filled - batch["photo"]).abs().mean() + self.config.noise * torch.rand(())  # a draw, as of dropout
        if self.config.breaks_at and self.steps >= self.config.breaks_at:
            loss = loss * float("nan")
        update("filler", loss)
        critic = networks["critic"](filled.detach()).square().mean()
        update("critic", critic)
        return {"l1": loss.detach(), "critic": critic.detach()}

    def validate(self, networks, batch):
        return {"l1": (self._fill(networks, batch) - batch["photo"]).abs().mean((1, 2, 3))}

    def preview(self, networks, batch):
        return {"hole": batch["photo"] * (1 - batch["mask"]), "final": self._fill(networks, batch)}

    def product(self, networks):
        return networks["filler"].state_dict()
