"""The commands and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from safebench.cli import adapt, boards, data, exchange, many, panels, training, weights
from safebench.cli.lists import split
from safebench.cli.pairs import pairs
from safebench.version import __version__

app = typer.Typer(
    name="safebench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Which image inpainters leave no trace, and which forgery detectors find it all the same.",
)
app.add_typer(data.app, name="data", help="Prepare data sets.")
app.add_typer(weights.app, name="weights", help="List, fetch and check models' weights.")

app.command()(training.train)
app.command()(adapt.adapt)

Names = list[str] | None
Seed = Annotated[int, typer.Option(min=0, help="Reaches every random draw.")]
MaskThreshold = Annotated[
    int | None, typer.Option(metavar="N", help="A mask's level (1 to 255) that is hole, and those above.")
]
Tile = Annotated[
    int | None,
    typer.Option(metavar="N", help="Detectors look at pictures with a side over N in tiles of it. Default: whole."),
]
Settings = Annotated[
    Names,
    typer.Option("--set", metavar="[MODEL.]KEY=VALUE", help="An option of a model (safebench show); again for more."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"safebench {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    del version


@app.command(epilog=panels.EXAMPLES)
@panels.in_panels(panels.RUN)
def run(
    suite: Annotated[Path | None, typer.Argument(help="A suite file (TOML); flags override it.")] = None,
    inpainter: Annotated[
        Names, typer.Option(help="[LABEL=]NAME[:VARIANT]; again for more; all = what can run here.")
    ] = None,
    detector: Annotated[Names, typer.Option(help="Likewise.")] = None,
    images: Annotated[
        str | None, typer.Option(help="sample, a data set's name, or a directory. Default: sample.")
    ] = None,
    masks: Annotated[str | None, typer.Option(help="irregular, nvidia, or a directory. Default: irregular.")] = None,
    mask_threshold: MaskThreshold = None,
    pictures: Annotated[
        str | None,
        typer.Option(help="Forged pictures of others instead of inpainters: a set's name, a list, or a directory."),
    ] = None,
    mask_hole: Annotated[
        str | None, typer.Option(help="Of their masks: white, black, or auto-by-difference. Default: white.")
    ] = None,
    exclude: Annotated[str | None, typer.Option(help="A list of photos or pictures to leave out, one a line.")] = None,
    bins: Annotated[str | None, typer.Option(help="Hole ratios in %, or all. Default: 10-20,30-40,50-60.")] = None,
    limit: Annotated[int | None, typer.Option(help="So many photos, drawn with the seed. Default: all.")] = None,
    seed: Annotated[int | None, typer.Option(help="Reaches every random draw. Default: 0.")] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="N|native", help="Side of the evaluated images, or each its own. Default: 256."),
    ] = None,
    tile: Tile = None,
    batch_size: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Images a call. Default: auto (4, on a GPU 32, less if need be)."),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, ... Default: auto.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="fp32, or bf16 (faster where the processor has it). Default: fp32.")
    ] = None,
    compile_: Annotated[bool | None, typer.Option("--compile/--no-compile", help="Compile the networks first.")] = None,
    engine: Annotated[str | None, typer.Option(help="local, ray or slurm. Default: local.")] = None,
    workers: Annotated[int | None, typer.Option(help="Threads on a side, Ray's actors, or jobs an array.")] = None,
    ray_address: Annotated[str | None, typer.Option(help="A Ray cluster. Default: one started here.")] = None,
    slurm: Annotated[Names, typer.Option(metavar="NAME=VALUE", help="A parameter of submitit's; again for more.")] = (
        None
    ),
    storage: Annotated[
        str | None, typer.Option(help="Folder or URL (fsspec) that carries images to and from workers.")
    ] = None,
    postprocess: Annotated[
        Names, typer.Option(metavar="CHAIN,...", help="none, jpeg:75, resize:0.5+jpeg:90, or a suite. Default: none.")
    ] = None,
    assembly: Annotated[Names, typer.Option(help="spliced, regenerated, or both. Default: spliced.")] = None,
    keep_maps: Annotated[
        bool | None, typer.Option("--keep-maps/--no-keep-maps", help="Keep every map, not the gallery's alone.")
    ] = None,
    keep_results: Annotated[
        bool | None,
        typer.Option(
            "--keep-results/--no-keep-results",
            help="Keep results of a model whose code has changed, but not its numbers.",
        ),
    ] = None,
    rerun: Annotated[
        Names, typer.Option(help="Make this model's results again, whatever the folder holds of them; again for more.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="The run's folder. Default: runs/ and a name made of the inputs.")
    ] = None,
    weights: Annotated[Names, typer.Option(metavar="NAME=FILE", help="A model's checkpoint; again for more.")] = None,
    settings: Settings = None,
    lpips_net: Annotated[str | None, typer.Option(help="alex, vgg or squeeze. Default: alex.")] = None,
    metrics: Annotated[
        Names, typer.Option(metavar="KEY", help="Measured beside the default set; again for more, or all.")
    ] = None,
    strict: Annotated[bool | None, typer.Option("--strict/--no-strict", help="Stop at the first failure.")] = None,
    json: Json = False,
) -> None:
    """Run inpainters and detectors over photos with holes; write tables and a report.

    The same command again does only what is missing.
    """
    from safebench.commands.checking import check
    from safebench.runs.config import make_config

    options: dict[str, Any] = {
        "inpainters": split(inpainter, "--inpainter"),
        "detectors": split(detector, "--detector"),
        "images": images,
        "masks": masks,
        "mask_threshold": mask_threshold,
        "pictures": pictures,
        "mask_hole": mask_hole,
        "exclude": exclude,
        "bins": bins,
        "limit": limit,
        "seed": seed,
        "size": _number(size),
        "tile": tile,
        "batch_size": _number(batch_size),
        "device": device,
        "precision": precision,
        "compile": compile_,
        "engine": engine,
        "workers": workers,
        "ray_address": ray_address,
        "slurm": pairs(slurm, "--slurm", "VALUE"),
        "storage": storage,
        "postprocess": split(postprocess, "--postprocess", whole=""),
        "assembly": split(assembly, "--assembly"),
        "keep_maps": keep_maps,
        "keep_results": keep_results,
        "rerun": split(rerun, "--rerun"),
        "out": out,
        "weights": pairs(weights),
        "set": pairs(settings, "--set", "VALUE"),
        "lpips_net": lpips_net,
        "metrics": split(metrics, "--metrics"),
        "strict": strict,
    }
    config = make_config({name: value for name, value in options.items() if value is not None}, suite)
    check(config)
    from safebench.cli.running import run_and_report  # torch and pandas, which take seconds

    raise typer.Exit(run_and_report(config, as_json=json))


@app.command()
def inpaint(
    inpainter: Annotated[str, typer.Option(help="NAME or NAME:VARIANT.")],
    out: Annotated[Path, typer.Option(help="The composite (PNG): known pixels untouched; of many, a folder.")],
    source: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Many photos: a folder, and below.")] = None,
    image: Annotated[Path | None, typer.Option(help="The photo, of any size that the model takes.")] = None,
    mask: Annotated[
        Path | None, typer.Option(help="White = hole; of many, a folder. Default there: a_mask.png beside a.png.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(metavar="[NAME=]FILE", help="The model's checkpoint.")] = None,
    raw: Annotated[
        Path | None, typer.Option(help="Also the model's whole output: float32 HxWx3 in [0, 1] (.npy).")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    mask_threshold: MaskThreshold = None,
    settings: Settings = None,
    sees_hole: Annotated[
        bool, typer.Option("--unblanked", help="Let it look under the hole, to compare it with its authors' script.")
    ] = False,
) -> None:
    """Fill the hole of one image, or of every photo of a folder; run again, a folder's missing ones alone."""
    options = pairs(settings, "--set", "VALUE") or {}
    if source is not None:
        many.refuse({"--image": image, "--raw": raw, "--unblanked": sees_hole or None})
        raise typer.Exit(many.inpaint(inpainter, source, mask, out, weights, seed, device, mask_threshold, options))
    from safebench.commands.single import inpaint_file

    image, mask = many.needed(image, "--image"), many.needed(mask, "--mask")
    inpaint_file(
        inpainter,
        image,
        mask,
        out,
        weights=weights,
        raw=raw,
        seed=seed,
        device=device,
        sees_hole=sees_hole,
        mask_threshold=mask_threshold,
        options=options,
    )
    typer.echo(str(out))


@app.command()
def detect(
    detector: Annotated[str, typer.Option(help="NAME or NAME:VARIANT.")],
    out: Annotated[Path, typer.Option(help="The map (16-bit gray PNG, bright = inpainted); of many, a folder.")],
    source: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Many images: a folder, and below.")] = None,
    image: Annotated[Path | None, typer.Option(help="The image, of any size that the model takes.")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="[NAME=]FILE", help="The model's checkpoint.")] = None,
    raw: Annotated[Path | None, typer.Option(help="Also the map as float32 HxW in [0, 1] (.npy).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a sentence.")] = False,
    seed: Seed = 0,
    device: Device = "auto",
    tile: Tile = None,
) -> None:
    """Look for inpainting in one image: its score, its map, and the map laid over it; or in every image of a folder."""
    if source is not None:
        many.refuse({"--image": image, "--raw": raw, "--json": json or None})
        raise typer.Exit(many.detect(detector, source, out, weights, seed, device, tile))
    from safebench.commands.single import detect_file

    image = many.needed(image, "--image")
    answer = detect_file(detector, image, out, weights=weights, raw=raw, seed=seed, device=device, tile=tile)
    if json:
        import json as json_module

        typer.echo(json_module.dumps(answer))
    else:
        verdict = "flagged as inpainted" if answer["flagged"] else "not flagged"
        whose = "; weights trained by SafeBench, not by the authors" if answer["weights_origin"] == "shipped" else ""
        typer.echo(f"{image}: score {answer['score']:.4f}, {verdict}; map: {out}, overlay: {answer['overlay']}{whose}")


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    out: Annotated[Path, typer.Option(help="Where the report goes.")],
    form: Annotated[str, typer.Option("--format", help="safebench list reports shows them.")] = "html",
) -> None:
    """Make a report of one or more runs."""
    from safebench.results.reporting import write_report
    from safebench.results.results import open_run

    typer.echo(str(write_report([open_run(folder) for folder in runs], out, form)))


for _command in (*boards.COMMANDS, *exchange.COMMANDS):
    app.command()(_command)


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name.", autocompletion=panels.models())],
) -> None:
    """Show all that a model's card says: weights, terms, training sets, limits, citation."""
    from safebench.cli.card import show_card

    show_card(model)


@app.command(name="list")
def list_(
    what: Annotated[
        str | None,
        typer.Argument(
            help="inpainters, detectors, postprocessing, datasets, metrics, ...; default: all.",
            autocompletion=panels.listed,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List what is known: weights present or not, licence, paper."""
    from safebench.cli import listing

    (listing.show_json if json else listing.show)(what)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is installed, where things are kept, and which models can run here."""
    from safebench.cli.doctor import examine, examine_json

    (examine_json if json else examine)()


def _number(text: str | None) -> int | str | None:
    """A whole number where the text is one."""
    return int(text) if text and text.lstrip("-").isdigit() else text


panels.show_no_types_of_switches(app)
