"""Train for so many minutes and leave little files: for a machine that one has for a short while.

    python benchmarks/timed_training.py --minutes 9 --out OUT [--from OUT-OF-BEFORE] -- safepaint --images PHOTOS ...

What follows `--` is handed to `safebench train`.  Each time the training has saved its state, OUT gets the product
with its card, the losses (log.jsonl.gz), the newest preview, and in fp16 a file for each network (a small SafePaint's
are under 16 MiB each): so whatever ends the machine costs little.  `--from` goes on from such files: the networks
are as they were, the optimisers are new.

Meant for SafePaint `small`, from the weights that ship, on a GPU with 80 GB (tried on a CPU alone, for a minute at 64
pixels with batches of 2, killed and gone on from):

    python benchmarks/timed_training.py --minutes 9 --out OUT -- safepaint --images PHOTOS --validation HELD-OUT \
        --init inpainters/safepaint/weights.safetensors --size-preset small --perceptual vgg16 --precision bf16 \
        --product fp16 --resolution 256 --batch-size 48 --workers 14 --steps 1000000 --validate-every 250

The training needs none of pandas and pyarrow; SafeBench has to be installed (`pip install --no-deps .` is enough where
the packages that the training imports are there), TORCH_HOME has to hold the backbones of LPIPS and of the perceptual
loss.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import safetensors.torch
import torch

from safebench.files import atomic_write
from safebench.training import checkpoint

NETWORK = ".network.safetensors"
"""How the file of a network ends."""
_LOOK_SECONDS = 5
_LEAVE_SECONDS = 60
"""How long a training that was asked to stop may take: its step, and the saving."""


def leave(folder: Path, out: Path) -> None:
    """Put what a training's folder holds into `out`: under 8 files, each written whole or not at all."""
    state = checkpoint.load(folder / checkpoint.FILE)
    for name, tensors in state.networks.items():
        half = {
            key: (value.half() if value.is_floating_point() else value).contiguous() for key, value in tensors.items()
        }
        atomic_write(out / f"{name}{NETWORK}", safetensors.torch.save(half, {"step": str(state.step)}))
    for path in (*folder.glob("*.safetensors"), *folder.glob("*.md"), *sorted(folder.glob("previews/*.png"))[-1:]):
        name = "preview.png" if path.suffix == ".png" else path.name
        atomic_write(out / name, path.read_bytes())
    atomic_write(out / "log.jsonl.gz", gzip.compress((folder / "log.jsonl").read_bytes(), mtime=0))


def start(left: Path, path: Path) -> None:
    """Write the networks that `leave` left as a checkpoint that `--init` takes."""
    files = sorted(left.glob(f"*{NETWORK}"))
    if not files:
        sys.exit(f"{left}: holds no files of networks (*{NETWORK}) to go on from")
    networks = {file.name.removesuffix(NETWORK): safetensors.torch.load_file(file) for file in files}
    floats = {
        name: {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}
        for name, tensors in networks.items()
    }
    torch.save({"step": 0, "networks": floats, "optimisers": {}, "best": None, "about": "{}"}, path)


def train(arguments: list[str], folder: Path, out: Path, minutes: float) -> int:
    """Train, leaving what there is each time the state was saved; returns the training's exit status."""
    end, left = time.monotonic() + 60 * minutes, 0.0
    command = [sys.executable, "-m", "safebench", "train", *arguments, "--out", str(folder)]
    process = subprocess.Popen(command)
    try:
        while process.poll() is None and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
            state = folder / checkpoint.FILE
            if state.exists() and state.stat().st_mtime > left:
                left = state.stat().st_mtime
                leave(folder, out)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(_LEAVE_SECONDS)
    finally:
        process.kill()
    if (folder / checkpoint.FILE).exists():
        leave(folder, out)
    return process.wait()


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, required=True, help="how long the training may take")
    parser.add_argument("--out", type=Path, required=True, help="where the files go")
    parser.add_argument("--from", type=Path, dest="left", help="what an earlier call left")
    parser.add_argument("arguments", nargs="+", help="for safebench train")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="training-"))
    try:
        arguments = list(given.arguments)
        if given.left:
            start(given.left, folder / "before.pt")
            arguments += ["--init", str(folder / "before.pt")]
        train(arguments, folder / "training", given.out, given.minutes)
    finally:
        shutil.rmtree(folder)
    sizes = [f"{path.name} {path.stat().st_size / 2**20:.1f} MiB" for path in sorted(given.out.iterdir())]
    print(f"{given.out}: {', '.join(sizes) or 'nothing: there was no state yet'}")


if __name__ == "__main__":
    main()
