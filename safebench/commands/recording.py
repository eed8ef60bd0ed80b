"""What run.json says of a run as it begins and ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import structs

from safebench.commands.keeping import described
from safebench.models.adapted import adapted
from safebench.models.specs import ModelSpec
from safebench.models.training_photos import training_photos, training_sets
from safebench.protocol import PROTOCOL
from safebench.route.plan import Plan
from safebench.runs import provenance
from safebench.runs.config import RunConfig
from safebench.runs.record import Call, Masks, ModelRecord, Photos, Pictures, RunRecord


def begun(
    before: RunRecord,
    config: RunConfig,
    plan: Plan,
    taking_part: Mapping[str, Mapping[str, ModelRecord]],
    device: str,
) -> RunRecord:
    """run.json at the start: what this call adds to what the folder held before.

    taking_part: what is said of each model that takes part, by kind.
    """
    prints, photos, masks = plan.fingerprints, plan.photo_set, plan.mask_set
    call = Call(started=provenance.now(), device=device, versions=provenance.versions())
    record = RunRecord(
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
            count=len({sample.photo for sample in plan.samples}),
            independent=photos.independent,
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
        pictures=_pictures(plan, config),
        lpips_net=before.lpips_net,
        lpips_sha256=before.lpips_sha256,
    )
    return structs.replace(record, **{kind: {**before.models(kind), **said} for kind, said in taking_part.items()})


def _pictures(plan: Plan, config: RunConfig) -> Pictures | None:
    """What is said of pictures that are given; None where inpainters make them."""
    pictures = plan.picture_set
    if pictures is None:
        return None
    return Pictures(
        kind=pictures.kind,
        makers=dict(Counter(received.maker for received in plan.received)),
        authentic=len({sample.photo for sample in plan.samples if sample.original}),
        excluded=pictures.excluded,
        exclusion=pictures.exclusion,
        hole=config.mask_hole,
        unlike_originals=plan.unlike_originals,
        fingerprint=plan.fingerprints["pictures"],
    )


def described_all(before: Mapping[str, ModelRecord], models: Iterable[ModelSpec], plan: Plan) -> dict[str, ModelRecord]:
    """What is said of each model, by its label, after what was said of it `before`; and of the plan's photos."""
    photos = {(sample.photo_name, sample.photo_sha256) for sample in plan.samples}
    photos |= {(received.path.name, received.content) for received in plan.received}
    met = plan.picture_set.sets if plan.picture_set else ()
    return {
        spec.label: structs.replace(
            described(spec, before.get(spec.label)),
            seen_in_training=made_from.among(photos) if (made_from := training_photos(spec)) else None,
            trained_sets=(sets := training_sets(spec)),
            met_sets=tuple(name for name in sets if name in met),
            adapted=adapted(spec),
        )
        for spec in models
    }


def ended(record: RunRecord) -> RunRecord:
    """The record once the last call has ended, whatever became of it."""
    *others, last = record.calls
    return structs.replace(record, calls=(*others, structs.replace(last, finished=provenance.now())))
