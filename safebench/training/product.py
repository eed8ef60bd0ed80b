"""What a training gives: one .safetensors file and the card that says what is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from torch import Tensor

from safebench.files import atomic_write
from safebench.keys import slug
from safebench.models.adapted import ADAPTED
from safebench.models.training_photos import KEY, SETS
from safebench.runs import provenance
from safebench.version import __version__


def write_product(
    folder: Path, state: Mapping[str, Tensor], about: Mapping[str, Any], figures: Mapping[str, float], listing: str
) -> Path:
    """Write `NAME.safetensors` and `NAME.md` into the training's folder; returns the first one's path.

    The file's metadata hold the model's name, the recipe's config as JSON, the step, the validation's figures, the
    names of the data sets, the listing of the photos (`safebench.models.training_photos`), and of a detector that went
    on learning what it learned (`safebench.models.adapted`).
    """
    half = about["config"]["product"] == "fp16"
    tensors = {
        name: (tensor.half() if half and tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in state.items()
    }
    about = {**about, "recipe": {name: _public(value) for name, value in about["recipe"].items()}}
    metadata = {
        "model": about["model"],
        "config": msgspec.json.encode(about["recipe"]).decode(),
        "preset": about["preset"],
        "step": str(about["step"]),
        "seed": str(about["config"]["seed"]),
        "data": msgspec.json.encode(about["data"]).decode(),
        "validation": msgspec.json.encode(figures).decode(),
        "safebench": __version__,
        KEY: listing,
        SETS: " ".join(slug(name) for name in about.get("sets", ())),  # of a training begun before, not on record
    }
    if about.get("adapted"):
        metadata[ADAPTED] = about["adapted"]
    path = folder / f"{about['model']}.safetensors"
    atomic_write(path, _in_order(safetensors.torch.save(tensors, metadata)))
    atomic_write(path.with_suffix(".md"), _card(about, figures, tensors).encode())
    return path


def _in_order(file: bytes) -> bytes:
    """A safetensors file with its metadata in the order of their names: the library's own order is another in each
    process, and the file's sha256 is what results depend on."""
    length = int.from_bytes(file[:8], "little")
    header = json.loads(file[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)  # tensors begin at multiples of 8 bytes
    return len(text).to_bytes(8, "little") + text + file[8 + length :]


def _public(value: Any) -> Any:
    """An option without the folders of this machine: of an absolute path its last part."""
    if isinstance(value, list | tuple):
        return [_public(part) for part in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _pixels(config: Mapping[str, Any]) -> str:
    """How large the examples were; an earlier release's had no windows."""
    square, window = (f"{side} x {side}" for side in (config["resolution"], config.get("window", 0)))
    return f"{window} pixels out of squares of {square}" if config.get("window") else f"{square} pixels"


def _card(about: Mapping[str, Any], figures: Mapping[str, float], tensors: Mapping[str, Tensor]) -> str:
    config, recipe, name = about["config"], about["recipe"], about["model"]
    count = sum(tensor.numel() for tensor in tensors.values())
    command = "adapt --detector" if about.get("adapted") else "train"
    lines = [
        f"# {about['title']}",
        "",
        f"Trained with SafeBench {__version__}: `safebench {command} {name}`"
        + (f" (preset `{about['preset']}`)" if about["preset"] else "")
        + f". Used by `--weights {name}={name}.safetensors`.",
        "",
        f"- Parameters: {count:,}, stored as {config['product']}",
        f"- Data: {about['summary']}",
        f"- Steps: {about['step']:,} of batches of {config['batch_size'] * about['processes']} at "
        f"{_pixels(config)}, {config['precision']}, seed {config['seed']}"
        + (", begun from another training's networks" if config["init"] else ""),
        f"- Time: {_duration(about['seconds'])} on {about['device']}, torch {torch.__version__}, {provenance.system()}",
        f"- Fingerprints (sha256): photos `{about['data']['photos'][:16]}`, validation "
        f"`{about['data']['validation'][:16]}`",
        "",
        "## Terms",
        "",
        f"- The model's code: {about['licence']}",
        f"- The photos: {about['photo_licences']}",
        "",
        "These weights are for research on the detection of manipulated images. The terms of the photos that they were "
        "trained on bind their use: read them before passing the weights on.",
        "",
        "## Validation",
        "",
        "Means over the held-out photos, at the step that was kept:",
        "",
        *(f"- {figure}: {value:.4f}" for figure, value in figures.items()),
        "",
        "## Options of the recipe",
        "",
        *(f"- `{option}`: {value}" for option, value in recipe.items()),
        "",
    ]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes / 60:.1f} hours" if minutes >= 120 else f"{minutes:.1f} minutes"
