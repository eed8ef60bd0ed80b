"""The plan where forged pictures are given: a sample is a photo with a true mask, its pictures are those of a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from safebench.inputs.photos import FilePhoto
from safebench.inputs.pictures import ForgedPicture, PictureSet, open_pictures
from safebench.inputs.pictures.holes import HoleReader
from safebench.inputs.pictures.masks import MeasuredMask, PictureMasks
from safebench.keys import digest, slug
from safebench.protocol import NATIVE, PROTOCOL
from safebench.route.plan import Plan, Received, Sample, fingerprint_of, gallery_of, limited, photo_id
from safebench.route.sizes import head_size
from safebench.runs.config import RunConfig

_SOFT = 0.001
"""So many of a mask's pixels are grey before it is told."""


def make_picture_plan(config: RunConfig) -> Plan:
    """The plan of a run over forged pictures: the same for the same file names, contents and limit, on every machine.

    Raises DataError where the pictures are not there, or cannot be told from their masks.
    """
    pictures = open_pictures(config.pictures or "", config.exclude)
    masks = PictureMasks(pictures, HoleReader(config.mask_hole, config.mask_threshold, pictures.coloured))
    forged = sorted(pictures.forged, key=lambda picture: picture.name)
    photos = _Photos(pictures, forged, config)
    forged = [picture for picture in forged if _photo_name(picture) in photos.forged]
    mask_names = [masks.name_of(picture, pictures.root) for picture in forged]
    unique = sorted(set(mask_names))
    with ThreadPoolExecutor() as pool:
        contents = [*pool.map(fingerprint_of, [picture.fingerprint for picture in forged])]
        measured = dict(zip(unique, pool.map(masks.measure, unique), strict=True))
        photo_sums = pool.map(fingerprint_of, [photo.fingerprint for photo in photos.files.values()])
        sums = dict(zip(photos.files, photo_sums, strict=True))
        of_files = [photos.files.get(picture.original) for picture in forged]
        unlike = [text for text in pool.map(_other_size, forged, of_files) if text]
    masks.problems = [*pictures.remarks, *_told(measured, config)]
    if unlike:
        masks.problems.append(
            f"{len(unlike):,} of {len(forged):,} forged pictures have an original of another size ({unlike[0]}): "
            "nothing of their quality is measured"
        )
    gallery = gallery_of(sorted(photos.forged))
    times: Counter[tuple[str, str, str, str, str]] = Counter()
    samples: dict[str, Sample] = {}
    received = []
    for picture, mask_name, content in zip(forged, mask_names, contents, strict=True):
        mask, name = measured[mask_name], _photo_name(picture)
        same = (picture.generator, name, mask.sha256, picture.mask_type, picture.repeat)
        times[same] += 1
        repeat = "-".join(filter(None, (picture.repeat, str(times[same]) if times[same] > 1 else "")))
        photo = photos.files.get(name)
        settings = masks.reader.settings(mask.inverted)
        sample = _sample(pictures.name, name, photo, sums.get(name, ""), picture.mask_type, mask, mask_name, repeat,
                         name in gallery, settings)  # fmt: skip
        samples.setdefault(sample.sample, sample)
        received.append(Received(samples[sample.sample], picture.generator, picture.path, content))
    alone = [_authentic(pictures.name, photos.files[name], sums[name]) for name in sorted(photos.alone)]
    ordered = sorted([*samples.values(), *alone], key=lambda sample: (sample.photo_name, sample.sample))
    by_id = {photo_id(name): photo for name, photo in photos.files.items()}
    return Plan(ordered, by_id, pictures, masks, received, pictures, len(unlike))


class _Photos:
    """The photos that a run looks at, by name.

    forged: those of which there are forged pictures; alone: the authentic ones that nobody forged; files: the authentic
    pictures among both.  `--limit` counts each of the two for itself.
    """

    def __init__(self, pictures: PictureSet, forged: Iterable[ForgedPicture], config: RunConfig) -> None:
        of_forged = sorted({_photo_name(picture) for picture in forged})
        originals = {picture.original for picture in pictures.forged}
        known = {photo.name: photo for photo in pictures.photos() if isinstance(photo, FilePhoto)}
        others = [photo for name, photo in known.items() if name not in originals]
        self.forged = {name.name for name in limited([_Name(name) for name in of_forged], config)}
        self.alone = {photo.name for photo in limited(others, config)}
        self.files = {name: photo for name, photo in known.items() if name in self.forged | self.alone}


class _Name(str):
    """A name that is drawn as photos are."""

    @property
    def name(self) -> str:
        return str(self)


def _other_size(picture: ForgedPicture, original: FilePhoto | None) -> str:
    """What differs where a picture and its original have other sizes; "" where they do not, or it is not known."""
    if original is None:
        return ""
    sizes = [(height, width) if turned else (width, height)
             for width, height, turned in map(head_size, (picture.path, original.path))]  # fmt: skip
    if sizes[0] == sizes[1] or (0, 0) in sizes:
        return ""
    mine, its = (f"{width}x{height}" for width, height in sizes)
    return f"{picture.name}: {mine}, its original {its}"


def _photo_name(picture: ForgedPicture) -> str:
    return picture.original or picture.photo


def _sample(
    dataset: str,
    name: str,
    photo: FilePhoto | None,
    photo_sum: str,
    mask_type: str,
    mask: MeasuredMask,
    mask_name: str,
    repeat: str,
    gallery: bool,
    settings: Sequence[object],
) -> Sample:
    hole_bin = " ".join(filter(None, (mask_type, mask.bin)))
    identity = photo_id(name)
    photo_key = digest("photo", PROTOCOL, NATIVE, identity, photo_sum)
    mask_key = digest("mask", PROTOCOL, NATIVE, mask.sha256, *settings)
    sample = ".".join(filter(None, (identity, f"{slug(hole_bin)}-{mask_key[:8]}", slug(repeat) if repeat else "")))
    return Sample(
        sample=sample,
        photo=identity,
        photo_name=name,
        photo_sha256=photo_sum,
        dataset=dataset,
        mask_name=mask_name,
        mask_sha256=mask.sha256,
        bin=hole_bin,
        gallery=gallery,
        photo_key=photo_key,
        key=digest("sample", photo_key, mask_key, hole_bin, repeat),
        original=_original(identity, photo_key, photo),
        mask=f"masks/{sample}-{mask_key[:12]}.png",
    )


def _authentic(dataset: str, photo: FilePhoto, photo_sum: str) -> Sample:
    """The sample of an authentic picture that nobody forged: it has no mask and lies in no bin."""
    identity = photo_id(photo.name)
    photo_key = digest("photo", PROTOCOL, NATIVE, identity, photo_sum)
    return Sample(
        sample=f"{identity}.authentic",
        photo=identity,
        photo_name=photo.name,
        photo_sha256=photo_sum,
        dataset=dataset,
        mask_name="",
        mask_sha256="",
        bin="",
        gallery=False,
        photo_key=photo_key,
        key=digest("authentic", photo_key),
        original=_original(identity, photo_key, photo),
        mask="",
    )


def _original(identity: str, photo_key: str, photo: FilePhoto | None) -> str:
    """Where the authentic picture lies in the run's folder, as the file that it is; "" where there is none."""
    return f"originals/{identity}-{photo_key[:12]}{photo.path.suffix.lower()}" if photo else ""


def _told(measured: dict[str, MeasuredMask], config: RunConfig) -> list[str]:
    """What is worth saying of the masks: those that cannot be read, grey fringes, which side was taken for the hole."""
    problems = [mask.problem for mask in measured.values() if mask.problem]
    told = []
    if problems:
        told.append(f"{len(problems):,} of {len(measured):,} masks cannot be used: {problems[0]}")
    if soft := [name for name, mask in measured.items() if mask.grey > _SOFT]:
        level = 128 if config.mask_threshold is None else config.mask_threshold
        told.append(
            f"{len(soft):,} of {len(measured):,} masks have grey pixels ({soft[0]}): white from level {level} on"
        )
    large = sum(mask.bin == "60-100" for mask in measured.values())
    if 2 * large > len(measured):
        told.append(
            f"{large:,} of {len(measured):,} masks call most of their picture the hole; --mask-hole says which side is"
        )
    if config.mask_hole == "auto-by-difference":
        black = sum(mask.inverted for mask in measured.values())
        told.append(
            f"by the difference of pictures and originals the hole is black in {black:,} of {len(measured):,} masks"
        )
    return told
