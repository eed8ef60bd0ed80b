"""One run, from the plan to the tables; what was done before is not done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import structs

from safebench.commands.assemblies import assemblies_of, with_assemblies, with_implied_metrics
from safebench.commands.checking import check
from safebench.commands.keeping import settle
from safebench.commands.recording import begun, described_all, ended
from safebench.errors import SafebenchError
from safebench.files import expanded, file_errors
from safebench.keys import digest, slug
from safebench.metrics.catalogue import chosen, networks
from safebench.models import kinds
from safebench.models.devices import pick_device, why_not_bf16
from safebench.models.specs import ModelSpec, choose, meant
from safebench.protocol import NATIVE
from safebench.results.results import Results
from safebench.route.chains import Chain, choose_chains
from safebench.route.detect import DetectLink, originals
from safebench.route.inpaint import InpaintLink
from safebench.route.job import Job
from safebench.route.picture import Picture
from safebench.route.picture_plan import make_picture_plan
from safebench.route.plan import Plan, make_plan
from safebench.route.prepare import prepare
from safebench.route.received import Maker, ReceivedLink
from safebench.route.sizes import of_equal_size
from safebench.runs import provenance
from safebench.runs.config import RunConfig
from safebench.runs.record import ModelRecord, RunRecord
from safebench.runs.schema import Table, metric_columns
from safebench.runs.store import Store
from safebench.work.engines import make_executor
from safebench.work.executor import ExecutorOptions
from safebench.work.watching import Planned, Watcher

Making = Callable[..., InpaintLink | ReceivedLink]
"""Makes the link that gives one maker's pictures, with the backbone of LPIPS."""


def execute(config: RunConfig, watcher: Watcher) -> Results:
    """Run what `config` says; its detectors are as they are (`safebench.commands.running` lets them learn)."""
    check(config)
    folder = folder_of(config)
    with file_errors(folder):
        return _execute(config, folder, watcher)


def _execute(config: RunConfig, folder: Path, watcher: Watcher) -> Results:
    pick_device(_device(config))
    if config.precision == "bf16" and config.engine == "local" and (reason := why_not_bf16(config.device)):
        watcher.note(reason)
        config = structs.replace(config, precision="fp32")
    config = with_implied_metrics(config, Store(folder).read_record())
    inpainters, left_out = _chosen("inpainters", config.inpainters, config)
    detectors, left_out_too = _chosen("detectors", config.detectors, config)
    chains = choose_chains(config.postprocess, config.weights, config.seed)
    assemblies, not_whole = assemblies_of(inpainters, config)
    inpainters = [spec for spec in inpainters if spec.label in assemblies]
    for sentence in (*left_out, *left_out_too, *not_whole):
        watcher.note(f"left out: {sentence}")
    remarks = {spec.label: spec.checkpoint.remark for spec in (*inpainters, *detectors) if spec.checkpoint}
    for remark in dict.fromkeys(filter(None, remarks.values())):
        watcher.note(f"{', '.join(name for name, said in remarks.items() if said == remark)}: {remark}")
    config, metrics_left_out = _measurable(config)
    for key, why in metrics_left_out.items():
        watcher.note(f"{key} is left out: {why}")
    store = Store(folder, chosen(config.metrics))
    with store.locked():
        before = store.read_record()
        if before and before.status == "started":
            store.sweep()
        plan = make_plan(config) if config.pictures is None else make_picture_plan(config)
        makers = [Maker(name) for name in plan.makers]
        for sentence in (*plan.mask_set.problems, *_remarks(plan, inpainters)):
            watcher.note(sentence)
        known = before or RunRecord()
        inpainters, changed = settle(inpainters, known.inpainters, store, config.keep_results)
        detectors, changed_too = settle(detectors, known.detectors, store, config.keep_results)
        for sentence in (*changed, *changed_too):
            watcher.note(sentence)
        executor = make_executor(_executor_options(config, store.folder))
        taking_part = {
            "inpainters": {
                **with_assemblies(known.inpainters, described_all(known.inpainters, inpainters, plan), assemblies),
                **{maker.label: maker.record(plan.photo_set.title) for maker in makers},
            },
            "detectors": described_all(known.detectors, detectors, plan),
            "postprocessing": {chain.label: chain.record() for chain in chains},
        }
        record = begun(known, config, plan, taking_part, executor.describe())
        if seen := provenance.seen_photos(record):
            watcher.note(seen)
        try:
            store.write_samples(plan.frame())
            store.write_record(record)
            replaceable = any(spec.by_answers for spec in (*inpainters, *detectors))
            again = meant(config.rerun, (*inpainters, *detectors))
            job = Job(config, store, plan, watcher, executor, replaceable, again)
            _prepare(job, sum(map(len, assemblies.values())), len(detectors) * len(chains))
            links: list[Making] = [partial(InpaintLink, job, spec, assemblies[spec.label]) for spec in inpainters]
            links += [partial(ReceivedLink, job, maker) for maker in makers]
            record = structs.replace(_inpaint(job, links, record), metrics_left_out=metrics_left_out)
            store.write_record(record)
            _detect(job, links, detectors, chains)
        finally:
            store.flush()
            record = ended(record)
            store.write_record(record)
            executor.close()
        return _finish(store, record, taking_part)


def _prepare(job: Job, assembled: int, looks: int) -> None:
    """The first stage; a watcher that wants to know is told before how many samples all stages have together.

    assembled: pictures that inpainters make of a sample.  looks: how often each picture is looked at.
    """
    plan = job.plan
    if isinstance(job.watcher, Planned):
        photos = sum(sample.original != "" for sample in plan.first_of_each_photo())
        masks = sum(sample.mask != "" for sample in plan.samples)
        made = len(plan.samples) * assembled + len(plan.received)
        job.watcher.expect(photos + masks + made + looks * (photos + made))
    prepare(job)


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
    if config.pictures is not None:
        inputs = digest(config.pictures, config.mask_hole, config.exclude, config.limit, config.seed, *threshold)
        return Path("runs") / f"{slug(Path(config.pictures).stem)}-{inputs[:8]}"
    excluded = [] if config.exclude is None else [config.exclude]
    adapted = ["adapt"] if config.adapt else []
    parts = (config.images, config.masks, config.bins, config.limit, config.seed, config.size)
    inputs = digest(*parts, *threshold, *excluded, *adapted)
    return Path("runs") / f"{slug(Path(config.images).name)}-{slug(Path(config.masks).name)}-{inputs[:8]}"


def _chosen(kind: str, names: Sequence[str], config: RunConfig) -> tuple[list[ModelSpec], list[str]]:
    """The models of a kind that take part, in the run's precision, detectors with its tiles; and a sentence for each
    that was left out."""
    specs, left_out = choose(kind, names, config.weights, config.seed, config.set)
    tile = (config.tile or 0) if kind == "detectors" else 0
    why_not = {spec.label: spec.entry.card.input.untiled(tile) if tile else "" for spec in specs}  # of `all`, some may
    left_out += [f"--tile {tile}: {label} {why}" for label, why in why_not.items() if why]
    taken = [spec for spec in specs if not why_not[spec.label]]
    return [replace(s, precision=config.precision, compiled=config.compile, tile=tile) for s in taken], left_out


def _device(config: RunConfig) -> str:
    """The driver's own: workers elsewhere may have GPUs that it has not."""
    return config.device if config.engine == "local" else "cpu"


def _inpaint(job: Job, links: Sequence[Making], record: RunRecord) -> RunRecord:
    """The stages that give pictures; returns the record with what it says of LPIPS.

    links: one for each inpainter, or for each maker of pictures that are given.
    """
    done = _went_well(job, "quality", ["composite"])
    net: str = job.config.lpips_net
    note, perceptual = "", None
    waiting = [link for link in (make(net) for make in links) if link.pending(link.planned(), done)]
    if waiting:
        from safebench.metrics.perceptual import load_perceptual  # slow to import, and not needed to resume

        try:
            perceptual = load_perceptual(net, pick_device(_device(job.config)))
        except SafebenchError as error:
            net, note = "", str(error)
            job.watcher.note(f"LPIPS is left out: {error}")
    with perceptual.originals.kept_in(job.store.folder) if perceptual and len(waiting) > 1 else nullcontext():
        for make in links:
            link = make(net, perceptual)
            groups: list[Sequence[Picture]] = [link.planned()]
            if job.config.size == NATIVE:
                groups = of_equal_size(groups, lambda picture: job.original(picture.sample).path, link.at_once)
            link.run(groups, done)
    sha256 = perceptual.sha256 if perceptual else record.lpips_sha256
    return structs.replace(record, lpips_net=net, lpips_sha256=sha256, lpips_note=note)


def _detect(job: Job, links: Sequence[Making], detectors: Sequence[ModelSpec], chains: Sequence[Chain]) -> None:
    """The detection stages: each detector sees the untouched photos once, then what every inpainter made, all of them
    under each condition."""
    job.store.flush()
    made = _made(job.store)
    groups: list[Sequence[Picture]] = [
        originals(job),
        *(pictures for make in links for pictures in make().made(made)),
    ]
    if job.config.size == NATIVE:
        groups = of_equal_size(groups, lambda picture: picture.file.path)
    done = _went_well(job, "detection", ["map", "picture"])
    for spec in detectors:
        DetectLink(job, spec, chains).run(groups, done)


def _went_well(job: Job, table: Table, columns: list[str]) -> dict[str, tuple[str, ...]]:
    """The keys of the rows that went well and hold all metrics asked for, with the files that each has kept."""
    rows = job.store.read(table, having=metric_columns(table, job.metrics))
    rows = rows[rows["error"] == ""]
    if job.replaceable:
        rows = rows[rows["key"].isin(_latest(job.store, table))]
    return dict(zip(rows["key"], zip(*(rows[name] for name in columns), strict=True), strict=True))


def _latest(store: Store, table: Table) -> set[str]:
    """The keys of the rows that stand for their pictures: where a picture has several, as when an answer that was made
    elsewhere has changed and is what it was again, the last one is shown, so an earlier one does not count as done."""
    names = ["sample_key", "inpainter_id", "assembly"]
    names += ["lpips_net"] if table == "quality" else ["postprocess", "postprocess_id", "detector_id"]
    rows = store.read(table)
    return set(rows["key"][~rows.duplicated(names, keep="last")])


def _made(store: Store) -> dict[str, dict[str, Any]]:
    """What became of each picture, by sample, inpainter_id and assembly."""
    rows = store.read("quality")
    outcomes = rows[["composite", "composite_sha256", "error", "error_step"]].to_dict("records")
    return dict(zip(rows["sample"] + " " + rows["inpainter_id"] + " " + rows["assembly"], outcomes, strict=True))


def _finish(store: Store, record: RunRecord, taking_part: Mapping[str, Mapping[str, ModelRecord]]) -> Results:
    """run.json at the end: models of earlier calls stay only where they have results for the present plan."""
    results = Results(store.folder)
    shown = {}
    for kind in kinds.MODELS:
        tables = (table for table in (results.quality, results.detection) if kind.column in table)
        names = set(taking_part[kind.name]).union(*(table[kind.column] for table in tables))
        shown[kind.name] = {name: model for name, model in record.models(kind.name).items() if name in names}
    finished = record.calls[-1].finished
    results.record = store.write_record(
        structs.replace(record, status="finished", finished=finished, failures=len(results.failures), **shown)
    )
    return results


def _remarks(plan: Plan, inpainters: Sequence[ModelSpec]) -> list[str]:
    """What is worth saying of the inputs before the work begins."""
    remarks = [*plan.photo_set.left_out, *plan.remarks, *plan.mask_set.left_out]
    if plan.photo_set.ignored:
        remarks.append(f"{plan.photo_set.ignored} files beside the photos are no images by their names and are ignored")
    if outside := plan.mask_set.outside:
        remarks.append(f"{outside} masks lie in no bin (hole of up to 1% or over 60%; white is hole) and are left out")
    names = {sample.photo_name for sample in plan.samples}
    return [*remarks, *filter(None, (spec.remark(names) for spec in inpainters))]
