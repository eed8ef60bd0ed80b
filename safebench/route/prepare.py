"""The first stage: every photo square and at the run's size, every hole beside it, as files of the run's folder.

So the run's folder holds all the evidence: each figure can be computed again from it alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from safebench.errors import SafebenchError
from safebench.inputs.images import save_png, to_square
from safebench.route.job import Job, batches
from safebench.route.plan import Sample
from safebench.work.tasks import Failure, sentence

_AHEAD = 64


def prepare(job: Job) -> None:
    """Make the originals and masks that are missing; what cannot be read goes to `job.unusable`."""
    photos = job.plan.first_of_each_photo()
    job.watcher.begin("Reading photos and masks", len(photos) + len(job.plan.samples))
    with ThreadPoolExecutor() as pool:
        for some in batches(photos, _AHEAD):
            for sample, failure in zip(some, pool.map(lambda s: _photo(job, s), some), strict=True):
                _note(job, sample.photo, failure)
        for some in batches(job.plan.samples, _AHEAD):
            for sample, failure in zip(some, pool.map(lambda s: _mask(job, s), some), strict=True):
                _note(job, sample.sample, failure)


def _note(job: Job, name: str, failure: Failure | None) -> None:
    if failure is not None:
        job.unusable[name] = job.fail(failure)
    job.watcher.advance(1, fresh=failure is None)


def _photo(job: Job, sample: Sample) -> Failure | None:
    target = job.store.folder / sample.original
    if target.exists():
        return None
    try:
        photo = job.plan.photos[sample.photo].load()
        square = to_square(photo, job.config.size, sample.photo_name)
    except (SafebenchError, OSError, MemoryError) as error:
        return Failure("read", sentence(error))
    save_png(target, square)
    return None


def _mask(job: Job, sample: Sample) -> Failure | None:
    target = job.store.folder / sample.mask
    if target.exists():
        return None
    try:
        hole = job.plan.mask_set.load(sample.mask_name, job.config.size)
    except (SafebenchError, OSError, MemoryError) as error:
        return Failure("mask", sentence(error))
    save_png(target, hole)
    return None
