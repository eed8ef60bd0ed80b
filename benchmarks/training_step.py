"""One training step of SafePaint beside its authors' code: images per second, and peak memory.

    python benchmarks/training_step.py --upstream CHECKOUT [--batch 4] [--side 256] [--turns 3]

CHECKOUT is a clone of the authors' repository.  Both sides train the paper's size by the authors' losses (preset
`authors`) with a VGG-19 of random weights, on the same made-up photos and holes, from the same generator's weights.
The sides take turns, each in a fresh process, so that its memory is its own and no other's is there meanwhile: a first
step, which is not timed, then two that are.  Ours keeps freed memory, as the training does; theirs is taken as it comes
and once more with memory kept, which shows what the arithmetic alone is worth.  Printed are medians, on the clock and
of processor time, and each side's losses in its very first step: of the same weights, so that they show that the same
is computed (theirs count the domain loss's margin of 0.002, and each side has a discriminator of its own).
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from types import SimpleNamespace
from unittest import mock

import msgspec
import torch
import torchvision
from safebench_inpainters._features import Vgg19
from safebench_inpainters.safepaint.recipe import Recipe
from torch import Tensor

from safebench.models import registry
from safebench.testing import inputs
from safebench.training.memory import keep_freed_memory

AS_IT_COMES = "authors"
PRECISIONS = ("fp32", "bf16")
Step = Callable[[], dict[str, float]]


def examples(count: int, side: int) -> tuple[Tensor, Tensor]:
    photos = torch.from_numpy(inputs.photos(count, (side, side))).permute(0, 3, 1, 2).float() / 255
    return photos, torch.from_numpy(inputs.holes(count, (side, side)))[:, None].float()


def recipe() -> Recipe:
    """Preset `authors`, with the same random VGG-19 each time."""
    config = msgspec.convert({**Recipe.presets["authors"], "size_preset": "base", "perceptual": "vgg19"}, Recipe.Config)
    made = Recipe(registry.find("inpainters", "safepaint")[0].card, config)
    torch.manual_seed(1)
    made.features = Vgg19()
    return made


def ours(batch: int, side: int, precision: str) -> Step:
    made, networks = recipe(), start()
    optimisers = made.optimisers(networks)
    photos, masks = examples(batch, side)

    def update(name: str, loss: Tensor) -> None:
        optimisers[name].zero_grad()
        loss.backward()
        optimisers[name].step()

    def step() -> dict[str, float]:
        half = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
        with half:
            found = made.step(networks, {"photo": photos, "mask": masks}, update)
        parts = ("l1", "perceptual", "style", "adversarial")
        return {"domain": float(found["domain"]), "generator": sum(float(found[name]) for name in parts)}

    return step


def theirs(batch: int, side: int, upstream: str) -> Step:
    sys.path.insert(0, upstream)
    torch.manual_seed(1)
    vgg = torchvision.models.vgg19(weights=None)
    with mock.patch.object(torchvision.models, "vgg19", return_value=vgg):
        from models import InpaintingModel  # type: ignore[import-not-found]

        weights = {"L1_LOSS_WEIGHT": 1, "PERCEPTUAL_LOSS_WEIGHT": 0.1, "STYLE_LOSS_WEIGHT": 250}
        config = SimpleNamespace(PATH="", GPU=[0], GAN_LOSS="nsgan", INPAINT_ADV_LOSS_WEIGHT=0.1, **weights)
        model = InpaintingModel(config)
    model.generator.load_state_dict(start()["generator"].state_dict())
    model.train()
    photos, masks = examples(batch, side)

    def step() -> dict[str, float]:
        if side != 256:
            raise SystemExit("the authors' code takes 256 pixels alone")
        model.process(photos, masks)
        return {"domain": model.domain_loss.item(), "generator": model.gen_loss.item()}

    return step


def start() -> dict[str, torch.nn.Module]:
    made = recipe()
    torch.manual_seed(0)
    return made.build()


def turn(pipe: Connection, name: str, batch: int, side: int, upstream: str) -> None:
    """A turn's process: seconds on the clock and of processor time of each step, first losses, peak memory in GiB."""
    if name != AS_IT_COMES:
        keep_freed_memory()
    step = ours(batch, side, name) if name in PRECISIONS else theirs(batch, side, upstream)
    losses, seconds = step(), []
    for _ in range(2):
        begun, busy = time.perf_counter(), time.process_time()
        step()
        seconds.append((time.perf_counter() - begun, time.process_time() - busy))
    pipe.send((seconds, losses, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", default="", help="a clone of the authors' repository; without it, ours alone")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    names = (AS_IT_COMES, "authors, memory kept", *PRECISIONS) if given.upstream else PRECISIONS
    upstream = os.path.abspath(given.upstream)  # noqa: PTH100  (sys.path wants text)
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    memory = {}
    for number in range(given.turns):
        for name in names:
            process = context.Process(target=turn, args=(far, name, given.batch, given.side, upstream))
            process.start()
            while not near.poll(1):
                if not process.is_alive():
                    raise SystemExit(f"{name}: its process ended before its time")
            taken, losses, memory[name] = near.recv()
            process.join()
            seconds[name] += taken
            if not number:
                print(name, {key: round(value, 4) for key, value in losses.items()}, flush=True)
    table(given.batch, seconds, memory)


def table(batch: int, seconds: Mapping[str, list[tuple[float, float]]], memory: Mapping[str, float]) -> None:
    clock, busy = ({name: statistics.median(s[k] for s in taken) for name, taken in seconds.items()} for k in (0, 1))
    first = next(iter(seconds))
    print(f"| side | s a step of {batch} | images/s | times {first} | processor, s | times {first} | memory, GiB |")
    for name in seconds:
        ratios = [f"{taken[first] / taken[name]:.2f}" for taken in (clock, busy)]
        figures = [f"{clock[name]:.2f}", f"{batch / clock[name]:.3f}", ratios[0], f"{busy[name]:.2f}", ratios[1]]
        print(f"| {name} | {' | '.join(figures)} | {memory[name]:.1f} |")


if __name__ == "__main__":
    main()
