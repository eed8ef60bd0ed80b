"""One run, from the plan to the tables; what was done before is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from msgspec import structs

from safebench.commands.checking import check
from safebench.commands.keeping import described, settle
from safebench.errors import SafebenchError
from safebench.files import expanded, file_errors
from safebench.keys import digest, slug
from safebench.metrics.catalogue import chosen, networks
from safebench.models.devices import pick_device, why_not_bf16
from safebench.models.specs import ModelSpec, choose
from safebench.protocol import PROTOCOL
from safebench.results.results import Results
from safebench.route.detect import DetectLink, originals
from safebench.route.inpaint import InpaintLink
from safebench.route.job import Job
from safebench.route.plan import Plan, make_plan
from safebench.route.prepare import prepare
from safebench.runs import provenance
from safebench.runs.config import RunConfig, make_config
from safebench.runs.options import as_argument
from safebench.runs.record import Call, Masks, ModelRecord, Photos, RunRecord
from safebench.runs.schema import Table, metric_columns
from safebench.runs.store import Store
from safebench.work.engines import make_executor
from safebench.work.executor import ExecutorOptions
from safebench.work.watching import Silent, Watcher


def run(suite: str | Path | None = None, *, watcher: Watcher | None = None, **options: Any) -> Results:
    """Run a benchmark and return its results: pandas tables `.quality` and `.detection`, and their means.

    `options` are the fields of `safebench.runs.config.RunConfig` (`inpainters=["telea"]`, `images="sample"`, ...), laid
    over those of the TOML file `suite`; a path may be a `Path`, and None is as good as left out.  Run again, it does
    only what is missing.  A sample that fails becomes a row with its error.  Raises a SafebenchError for what keeps the
    run from beginning or going on, or, where `strict`, for the first failure.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return execute(make_config(given, Path(suite) if suite else None, as_argument), watcher or Silent())


def execute(config: RunConfig, watcher: Watcher) -> Results:
    """Run what `config` says; see `run`."""
    check(config)
    folder = folder_of(config)
    with file_errors(folder):
        return _execute(config, folder, watcher)


def _execute(config: RunConfig, folder: Path, watcher: Watcher) -> Results:
    pick_device(_device(config))
    if config.precision == "bf16" and config.engine == "local" and (reason := why_not_bf16(config.device)):
        watcher.note(reason)
        config = structs.replace(config, precision="fp32")
    inpainters, left_out = _chosen("inpainters", config.inpainters, config)
    detectors, left_out_too = _chosen("detectors", config.detectors, config)
    for sentence in (*left_out, *left_out_too):
        watcher.note(f"left out: {sentence}")
    config, metrics_left_out = _measurable(config)
    for key, why in metrics_left_out.items():
        watcher.note(f"{key} is left out: {why}")
    store = Store(folder, chosen(config.metrics))
    with store.locked():
        before = store.read_record()
        if before and before.status == "started":
            store.sweep()
        plan = make_plan(config)
        for sentence in (*plan.mask_set.problems, *_remarks(plan)):
            watcher.note(sentence)
        known = before or RunRecord()
        inpainters, changed = settle(inpainters, known.inpainters, store, config.keep_results)
        detectors, changed_too = settle(detectors, known.detectors, store, config.keep_results)
        for sentence in (*changed, *changed_too):
            watcher.note(sentence)
        executor = make_executor(_executor_options(config, store.folder))
        record = _record(before, config, plan, inpainters, detectors, executor.describe())
        try:
            store.write_samples(plan.frame())
            store.write_record(record)
            job = Job(config, store, plan, watcher, executor)
            prepare(job)
            record = structs.replace(_inpaint(job, inpainters, record), metrics_left_out=metrics_left_out)
            store.write_record(record)
            _detect(job, inpainters, detectors)
        finally:
            store.flush()
            record = _ended(record)
            store.write_record(record)
            executor.close()
        return _finish(store, record, {who.label for who in inpainters}, {who.label for who in detectors})


def _measurable(config: RunConfig) -> tuple[RunConfig, dict[str, str]]:
    """The config with those of the metrics asked for that can be had here, and why not what is left out, by key."""
    asked = chosen(config.metrics)
    left_out: dict[str, str] = {}
    for metric in asked:
        for network in networks([metric]).values():
            try:
                network.load(pick_device(_device(config)))
            except SafebenchError as error:
                left_out[metric.key] = str(error)
    kept = tuple(metric.key for metric in asked if not metric.default and metric.key not in left_out)
    return structs.replace(config, metrics=kept), left_out


def _executor_options(config: RunConfig, folder: Path) -> ExecutorOptions:
    return ExecutorOptions(
        owner=folder,
        engine=config.engine,
        device=config.device,
        workers=config.workers,
        storage=config.storage,
        ray_address=config.ray_address,
        slurm=config.slurm,
    )


def folder_of(config: RunConfig) -> Path:
    """The run's folder: `--out`, or a name made of the inputs, so that the same command finds its folder again."""
    if config.out is not None:
        return expanded(config.out)
    threshold = [] if config.mask_threshold is None else [config.mask_threshold]
    inputs = digest(config.images, config.masks, config.bins, config.limit, config.seed, config.size, *threshold)
    return Path("runs") / f"{slug(Path(config.images).name)}-{slug(Path(config.masks).name)}-{inputs[:8]}"


def _chosen(kind: str, names: Sequence[str], config: RunConfig) -> tuple[list[ModelSpec], list[str]]:
    """The models of a kind that take part, in the run's precision; and a sentence for each that was left out."""
    found, left_out = choose(kind, names, config.weights, config.seed)
    return [replace(who, precision=config.precision, compiled=config.compile) for who in found], left_out


def _device(config: RunConfig) -> str:
    """The driver's own: workers elsewhere may have GPUs that it has not."""
    return config.device if config.engine == "local" else "cpu"


def _inpaint(job: Job, inpainters: list[ModelSpec], record: RunRecord) -> RunRecord:
    """The inpainting stages; returns the record with what it says of LPIPS."""
    done = _went_well(job, "quality", "composite")
    net: str = job.config.lpips_net
    note, perceptual = "", None
    pending = sum(InpaintLink(job, spec, net).pending(job.plan.samples, done) for spec in inpainters)
    if pending:
        from safebench.metrics.perceptual import load_perceptual  # slow to import, and not needed to resume

        try:
            perceptual = load_perceptual(net, pick_device(_device(job.config)))
        except SafebenchError as error:
            net, note = "", str(error)
            job.watcher.note(f"LPIPS is left out: {error}")
    with perceptual.originals.kept_in(job.store.folder) if perceptual and pending > 1 else nullcontext():
        for spec in inpainters:
            InpaintLink(job, spec, net, perceptual).run([job.plan.samples], done)
    sha256 = perceptual.sha256 if perceptual else record.lpips_sha256
    return structs.replace(record, lpips_net=net, lpips_sha256=sha256, lpips_note=note)


def _detect(job: Job, inpainters: list[ModelSpec], detectors: list[ModelSpec]) -> None:
    """The detection stages: each detector sees the untouched photos once, then every inpainter's composites."""
    job.store.flush()
    made = _made(job.store)
    pictures = [originals(job), *(InpaintLink(job, spec, "").pictures(made) for spec in inpainters)]
    done = _went_well(job, "detection", "map")
    for spec in detectors:
        DetectLink(job, spec).run(pictures, done)


def _went_well(job: Job, table: Table, column: str) -> dict[str, str]:
    """The keys of the rows that went well and hold all metrics asked for, with one column of theirs."""
    rows = job.store.read(table, having=metric_columns(table, job.metrics))
    rows = rows[rows["error"] == ""]
    return dict(zip(rows["key"], rows[column], strict=True))


def _made(store: Store) -> dict[str, dict[str, Any]]:
    """What became of each composite, by sample and inpainter_id."""
    rows = store.read("quality")
    told = rows[["composite", "composite_sha256", "error", "error_step"]].to_dict("records")
    return dict(zip(rows["sample"] + " " + rows["inpainter_id"], told, strict=True))


def _record(
    before: RunRecord | None,
    config: RunConfig,
    plan: Plan,
    inpainters: list[ModelSpec],
    detectors: list[ModelSpec],
    device: str,
) -> RunRecord:
    """run.json at the start: what this call adds to what the folder held before."""
    before = before or RunRecord()
    prints, photos, masks = plan.fingerprints, plan.photo_set, plan.mask_set
    call = Call(started=provenance.now(), device=device, versions=provenance.versions())
    return RunRecord(
        protocol=PROTOCOL,
        status="started",
        started=before.started or call.started,
        calls=(*before.calls, call),
        config=config,
        versions=call.versions,
        git=provenance.git(),
        device=device,
        platform=provenance.system(),
        photos=Photos(
            name=photos.name,
            title=photos.title,
            licence=photos.licence,
            note=photos.note,
            count=len(plan.photos),
            ignored=photos.ignored,
            fingerprint=prints["photos"],
        ),
        masks=Masks(
            name=masks.name,
            licence=masks.licence,
            note=masks.note,
            outside=masks.outside,
            problems=tuple(masks.problems),
            fingerprint=prints["masks"],
        ),
        lpips_net=before.lpips_net,
        lpips_sha256=before.lpips_sha256,
        inpainters={**before.inpainters, **_described(before, "inpainters", inpainters)},
        detectors={**before.detectors, **_described(before, "detectors", detectors)},
    )


def _described(before: RunRecord, kind: str, models: list[ModelSpec]) -> dict[str, ModelRecord]:
    return {who.label: described(who, before.models(kind).get(who.label)) for who in models}


def _ended(record: RunRecord) -> RunRecord:
    """The record once the last call has ended, whatever became of it."""
    *others, last = record.calls
    return structs.replace(record, calls=(*others, structs.replace(last, finished=provenance.now())))


def _finish(store: Store, record: RunRecord, inpainters: set[str], detectors: set[str]) -> Results:
    """run.json at the end: models of earlier calls stay only where they have results for the present plan."""
    results = Results(store.folder)
    inpainters |= set(results.quality["inpainter"])
    detectors |= set(results.detection["detector"])
    results.record = structs.replace(
        record,
        status="finished",
        finished=record.calls[-1].finished,
        inpainters={name: model for name, model in record.inpainters.items() if name in inpainters},
        detectors={name: model for name, model in record.detectors.items() if name in detectors},
        failures=len(results.failures),
    )
    store.write_record(results.record)
    return results


def _remarks(plan: Plan) -> list[str]:
    """What is worth saying of the inputs before the work begins."""
    remarks = [*plan.photo_set.left_out, *plan.mask_set.left_out]
    if plan.photo_set.ignored:
        remarks.append(f"{plan.photo_set.ignored} files beside the photos are no images by their names and are ignored")
    if plan.mask_set.outside:
        remarks.append(f"{plan.mask_set.outside} masks lie in no bin (hole of up to 1% or over 60%) and are left out")
    return remarks
