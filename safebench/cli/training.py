"""`safebench train NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Text = str | None
Names = list[str] | None


def train(
    name: Annotated[str, typer.Argument(help="What to train: safebench list recipes; with --resume its folder.")],
    images: Annotated[Names, typer.Option(help="A folder of photos or a data set's name; again for more.")] = None,
    masks: Annotated[Text, typer.Option(help="irregular, nvidia, or a directory. Default: irregular.")] = None,
    mask_threshold: Annotated[int | None, typer.Option(metavar="N", help="A mask's level that is hole.")] = None,
    exclude: Annotated[Text, typer.Option(metavar="FILE", help="A list of photos to leave out, one a line.")] = None,
    validation: Annotated[Text, typer.Option(help="Held-out photos. Default: one in twenty is kept back.")] = None,
    validation_masks: Annotated[Text, typer.Option(help="Their holes. Default: irregular.")] = None,
    preset: Annotated[str, typer.Option(help="A named set of the recipe's options.")] = "",
    size_preset: Annotated[Text, typer.Option(help="Where the recipe has it: base, small.")] = None,
    variant: Annotated[Text, typer.Option(help="Where the recipe has it.")] = None,
    perceptual: Annotated[Text, typer.Option(help="Where the recipe has it: vgg19, vgg16, squeezenet.")] = None,
    inpainters: Annotated[Text, typer.Option(help="Where the recipe has it: NAME,NAME fill holes on the fly.")] = None,
    composites: Annotated[Text, typer.Option(help="Where the recipe has it: RUN,RUN finished runs.")] = None,
    steps: Annotated[int | None, typer.Option(help="Default: 10000.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples a step and process. Default: 4.")] = None,
    resolution: Annotated[int | None, typer.Option(help="Side of the examples in pixels. Default: 256.")] = None,
    window: Annotated[int | None, typer.Option(help="Side of the part that is trained on. Default: all of it.")] = None,
    precision: Annotated[
        Text, typer.Option(help="fp32, or bf16 (faster where the processor has it). Default: fp32.")
    ] = None,
    product: Annotated[Text, typer.Option(help="How the weights are stored: fp32 or fp16. Default: fp32.")] = None,
    validate_every: Annotated[int | None, typer.Option(help="Steps between validations. Default: 500.")] = None,
    device: Annotated[Text, typer.Option(help="auto, cpu or cuda. Default: auto.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that make examples. Default: none.")] = None,
    seed: Annotated[int | None, typer.Option(help="Reaches every random draw. Default: 0.")] = None,
    init: Annotated[Text, typer.Option(help="A checkpoint.pt or a product to start from.")] = None,
    out: Annotated[Text, typer.Option(help="The training's folder. Default: trainings/NAME.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training in the folder, as it was begun.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="A TOML file of these options and the recipe's.")] = None,
    settings: Annotated[Names, typer.Option("--set", metavar="KEY=VALUE", help="Any option; again for more.")] = None,
) -> None:
    """Train a model on your photos; the product is used by --weights NAME=FILE.

    Several GPUs or machines: accelerate launch -m safebench train NAME ...
    """
    from safebench.cli.training_run import train_model

    given: dict[str, Any] = {
        "images": images,
        "masks": masks,
        "mask_threshold": mask_threshold,
        "exclude": exclude,
        "validation": validation,
        "validation_masks": validation_masks,
        "size_preset": size_preset,
        "variant": variant,
        "perceptual": perceptual,
        "inpainters": inpainters,
        "composites": composites,
        "steps": steps,
        "batch_size": batch_size,
        "resolution": resolution,
        "window": window,
        "precision": precision,
        "product": product,
        "validate_every": validate_every,
        "device": device,
        "workers": workers,
        "seed": seed,
        "init": init,
        "out": out,
    }
    options = {key: value for key, value in given.items() if value is not None}
    train_model(name, preset, config, settings or [], options, resume=resume)
