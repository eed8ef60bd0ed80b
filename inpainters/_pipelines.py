"""Opening pipelines of diffusers: no code of theirs runs, and no stage of theirs changes a finished picture."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from safebench.errors import ConfigError, WeightsError
from safebench.models.checksums import walk

_HIDDEN_PARTS = ("safety_checker", "watermarker")
_HIDDEN_FLAGS = ("requires_safety_checker", "add_watermarker")
"""What changes a finished picture and would be measured as inpainting: it blackens what it takes for indecent, or marks
it as made by a machine (Stable Diffusion XL does so wherever the package invisible-watermark is installed)."""
PARTS = ("decoder", "prior")
"""Of a model that is two pipelines: the folders in which they lie."""


def open_pipeline(folder: Path, numbers: torch.dtype) -> Any:
    """The inpainting pipeline in a folder, on the CPU: one, or a decoder and the prior that it is told by (Kandinsky).

    numbers: the precision of its networks.

    Raises WeightsError where there is none, or where it comes with code of its own.
    """
    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
    if (folder / "model_index.json").is_file():
        return _open(folder, numbers)
    if not all((folder / part / "model_index.json").is_file() for part in PARTS):
        raise WeightsError(f"{folder}: holds no pipeline of diffusers (no model_index.json)")
    decoder, prior = (_open(folder / part, numbers, diffusers.DiffusionPipeline) for part in PARTS)
    parts = {**decoder.components, **{f"prior_{name}": part for name, part in prior.components.items()}}
    combined: Any = diffusers.KandinskyV22InpaintCombinedPipeline
    try:
        return combined(**parts)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{folder}: its decoder and its prior are not those of Kandinsky 2.2: {error}") from None


def scheduler_class(name: str) -> Any:
    """The class of a scheduler by its name in diffusers, None for ""; raises ConfigError where there is none."""
    if not name:
        return None
    found = getattr(diffusers, name, None) if name.endswith("Scheduler") else None
    if not (isinstance(found, type) and issubclass(found, diffusers.SchedulerMixin)):
        raise ConfigError(f"--set scheduler={name}: diffusers has no such scheduler; DDIMScheduler is one, say")
    return found


def _open(folder: Path, numbers: torch.dtype, kind: Any = None) -> Any:
    index = _read_index(folder)
    if kind is None:
        kind = _class_of(index)
    try:
        return kind.from_pretrained(
            str(folder),
            use_safetensors=True,
            local_files_only=True,
            **({} if numbers == torch.float32 else {"torch_dtype": numbers}),
            **_without_hidden_stages(index),
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise WeightsError(f"{folder}: is no inpainting pipeline that diffusers can load: {reason}") from None


def _class_of(index: dict[str, Any]) -> Any:
    """The pipeline's own class where it inpaints, else what diffusers makes of its parts."""
    own = getattr(diffusers, index["_class_name"], None)
    takes = inspect.signature(own.__call__).parameters if own else {}
    return own if {"image", "mask_image"} <= set(takes) else diffusers.AutoPipelineForInpainting


def _without_hidden_stages(index: dict[str, Any]) -> dict[str, Any]:
    """The arguments that leave out the hidden stages, as far as the pipeline's class knows them."""
    named = getattr(diffusers, index["_class_name"], None)
    known = inspect.signature(named).parameters if named else {}
    flags = {name: False for name in _HIDDEN_FLAGS if name in known}
    return {**flags, **{name: None for name in _HIDDEN_PARTS if name in index}}


def _read_index(folder: Path) -> dict[str, Any]:
    """What the pipeline is made of; refused where it would run code that comes with it."""
    try:
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        libraries = {value[0] for value in index.values() if isinstance(value, list) and value}
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"{folder}: holds no pipeline of diffusers (model_index.json: {error})") from None
    foreign = {
        name for name in libraries - {"diffusers", "transformers", None} if not hasattr(diffusers.pipelines, name)
    }
    files = list(walk(folder))
    if foreign or not isinstance(index.get("_class_name"), str) or any(file.suffix == ".py" for file in files):
        raise WeightsError(f"{folder}: this pipeline comes with code of its own, which is not run; use one without")
    for file in files:
        if file.name == "adapter_config.json" or (file.name.endswith(".index.json") and _leads_out(file)):
            raise WeightsError(f"{file}: opens files of another folder, so its own say not what it is; save it whole")
    return dict(index)


def _leads_out(index: Path) -> bool:
    """Whether the list of a network's parts names one that does not lie beside it."""
    try:
        parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return any(Path(part).name != part or "\\" in part for part in parts)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(f"{index}: is no list of a network's parts ({error})") from None
