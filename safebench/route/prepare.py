"""The first stage: every photo square and at the run's size, every hole beside it, as files of the run's folder.

Where pictures keep their own size, photos and holes do; an original of pictures that are given stays the file that it
is.

So the run's folder holds all the evidence: each figure can be computed again from it alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from safebench.errors import SafebenchError
from safebench.files import atomic_write
from safebench.inputs.images import read_photo, save_png, to_square
from safebench.inputs.images.square import check_sides, stretched_mask
from safebench.inputs.photos import FilePhoto
from safebench.route.job import Job, batches
from safebench.route.plan import Sample
from safebench.work.tasks import Failure, sentence

_AHEAD = 64


def prepare(job: Job) -> None:
    """Make the originals and masks that are missing; what cannot be read goes to `job.unusable`."""
    photos = [sample for sample in job.plan.first_of_each_photo() if sample.original]
    samples = [sample for sample in job.plan.samples if sample.mask]
    job.watcher.begin("Reading photos and masks", len(photos) + len(samples))
    with ThreadPoolExecutor() as pool:
        for some in batches(photos, _AHEAD):
            for sample, failure in zip(some, pool.map(lambda s: _photo(job, s), some), strict=True):
                _note(job, sample.photo, failure)
        for some in batches(samples, _AHEAD):
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
        photo = job.plan.photos[sample.photo]
        if job.plan.picture_set is not None and isinstance(photo, FilePhoto):
            data = photo.path.read_bytes()
            read_photo(photo.path, data)
            atomic_write(target, data)
            return None
        pixels = photo.load()
        size = job.config.size
        if isinstance(size, int):
            ready = to_square(pixels, size, sample.photo_name)
        else:
            ready = check_sides(pixels, sample.photo_name)
    except (SafebenchError, OSError, MemoryError) as error:
        return Failure("read", sentence(error))
    save_png(target, ready)
    return None


def _mask(job: Job, sample: Sample) -> Failure | None:
    target = job.store.folder / sample.mask
    if target.exists():
        return None
    try:
        hole = _hole(job, sample)
    except (SafebenchError, OSError, MemoryError) as error:
        return Failure("mask", sentence(error))
    save_png(target, hole)
    return None


def _hole(job: Job, sample: Sample) -> NDArray[np.bool_]:
    """The hole at the size at which the sample is looked at; raises what reading it raises."""
    masks, size = job.plan.mask_set, job.config.size
    if isinstance(size, int):
        return masks.load(sample.mask_name, size)
    if job.plan.picture_set is not None:
        return masks.load(sample.mask_name, 0)
    photo = job.original(sample)
    height, width = read_photo(photo.path, photo.read()).shape[:2]
    return stretched_mask(masks.load(sample.mask_name, max(height, width)), height, width)
