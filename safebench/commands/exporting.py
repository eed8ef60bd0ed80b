"""`safebench export`: what a model elsewhere is to fill or to look at, as a folder (docs/exchange.md)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from safebench.errors import ConfigError, ExchangeError
from safebench.exchange.finding import ANSWERS, MANIFEST, exchange_name
from safebench.exchange.folder import ExportedFolder
from safebench.exchange.outgoing import Hole, Outgoing, write_manifest, write_picture
from safebench.files import expanded, file_errors, other_things
from safebench.inputs.images import read_mask, read_photo
from safebench.models.masked_image import MaskedImage
from safebench.protocol import ORIGINAL
from safebench.results.results import Results, open_run
from safebench.route.chains import choose_chains
from safebench.route.detect import called_outside
from safebench.route.job import Job
from safebench.route.plan import make_plan
from safebench.route.postprocess import Postprocessor
from safebench.route.prepare import prepare
from safebench.runs.config import RunConfig, make_config
from safebench.runs.options import as_argument, read_options
from safebench.runs.store import Store
from safebench.work.local import LocalExecutor
from safebench.work.watching import Silent, Watcher

Kind = Literal["inpainters", "detectors"]


def export(
    source: str | Path | Mapping[str, Any],
    to: str | Path,
    *,
    kind: Kind | None = None,
    hole: Hole = "white",
    watcher: Watcher | None = None,
) -> ExportedFolder:
    """Write what a model elsewhere is to work on into the folder `to`; returns it, its pictures as arrays.

    source: a run's folder, a suite file, or a run's options (`{"images": "sample", "limit": 4}`).
    kind: for whom; `inpainters` where the source is a suite, `detectors` where it is a run.  A run's pictures are its
    untouched photos and all that its inpainters made, after each of its post-processings.
    hole: the colour of holes in the masks.
    Raises ConfigError where a suite is to be exported for detectors or forged pictures for inpainters, ExchangeError
    where `to` holds other things.
    """
    target = expanded(to)
    is_run = not isinstance(source, Mapping) and expanded(source).is_dir()
    kind = kind or ("detectors" if is_run else "inpainters")
    if kind == "detectors" and not is_run:
        raise ConfigError(f"{source}: is no run's folder; run its inpainters first, then export the run for detectors")
    with file_errors(target):
        if other := other_things(target, (MANIFEST,)):
            raise ExchangeError(f"{target}: holds other things ({other}) and no exchange; name a new folder")
        if not is_run:
            _export_plan(_options(source), target, hole, watcher)
        else:
            results = open_run(str(source))
            if kind == "inpainters" and results.record.pictures is not None:
                raise _nothing_to_fill(source)
            pictures = _shown(results) if kind == "detectors" else _holes(results.folder, results.samples)
            _write(pictures, target, kind, hole)
    return ExportedFolder(target)


def _options(source: str | Path | Mapping[str, Any]) -> RunConfig:
    """The options of a run that is not begun; who fills its holes is not known yet.

    Raises ConfigError for a run of forged pictures, in which nothing is to be filled.
    """
    suite = None if isinstance(source, Mapping) else expanded(source)
    options = dict(source) if isinstance(source, Mapping) else {}
    if "pictures" in (read_options(suite) if suite else options):
        raise _nothing_to_fill(suite or "pictures")
    return make_config({**options, "inpainters": ("files",)}, suite, as_argument)


def _nothing_to_fill(source: object) -> ConfigError:
    """Of forged pictures of others, whether in a suite or in a run's folder."""
    return ConfigError(f"{source}: has no holes to fill; run it, then export the run for detectors")


def _export_plan(config: RunConfig, target: Path, hole: Hole, watcher: Watcher | None) -> None:
    """The photos and holes of a run that is not begun."""
    plan = make_plan(config)
    with tempfile.TemporaryDirectory(prefix="safebench-") as place:
        job = Job(config, Store(Path(place)), plan, watcher or Silent(), LocalExecutor())
        prepare(job)
        samples = plan.frame()
        usable = [job.why_unusable(sample) is None for sample in plan.samples]
        _write(_holes(Path(place), samples[usable]), target, "inpainters", hole)


def _write(pictures: Iterator[Outgoing], target: Path, kind: Kind, hole: Hole) -> None:
    (target / ANSWERS[kind]).mkdir(parents=True, exist_ok=True)
    rows = [write_picture(target, picture, hole) for picture in pictures]
    write_manifest(target, kind, rows, {"hole": hole} if kind == "inpainters" else {})


def _holes(folder: Path, samples: pd.DataFrame) -> Iterator[Outgoing]:
    """Each sample of a plan whose photos and masks lie in a run's folder."""
    for row in samples.to_dict("records"):
        photo, mask = folder / row["original"], folder / row["mask"]
        if photo.is_file() and mask.is_file():  # else it could not be read, and fails in every run
            about = {"photo": row["photo_name"], "mask_name": row["mask_name"], "bin": row["bin"]}
            yield Outgoing(exchange_name(row["sample"], row["key"]), read_photo(photo), read_mask(mask), about=about)


def _shown(results: Results) -> Iterator[Outgoing]:
    """Each picture that a run's detectors are shown: what it was made of, then what was done to it."""
    config = results.record.config
    chains = (
        choose_chains(config.postprocess, config.weights, config.seed) if config else choose_chains(["none"], {}, 0)
    )
    process = Postprocessor({chain.label: chain for chain in chains}, "cpu")
    for name, content, path, about in _pictures(results):
        image = MaskedImage.of_file(path.read_bytes(), path, None)
        for chain in chains:
            shown = process(chain.label, image) if chain.steps else image
            said = {**about, "postprocess": chain.label}
            called = called_outside(name, content, chain)
            yield Outgoing(called, file=shown.file, suffix=shown.suffix, about=said)


def _pictures(results: Results) -> Iterator[tuple[str, str, Path, dict[str, str]]]:
    """Name, content, file and description of a run's pictures before post-processing, but for those that failed."""
    for row in results.samples.drop_duplicates("photo").to_dict("records"):
        if (path := results.folder / row["original"]).is_file():
            yield row["photo"], row["photo_key"], path, {"photo": row["photo_name"], "inpainter": ORIGINAL}
    made = results.quality[results.quality["error"] == ""]
    for row in made.to_dict("records"):
        about = {"photo": row["photo"], "inpainter": row["inpainter"], "assembly": row["assembly"], "bin": row["bin"]}
        yield row["sample"], row["composite_sha256"], results.folder / row["composite"], about
