"""Many images: `safebench inpaint DIR` and `safebench detect DIR`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safebench.commands.ledger import Ledger
from safebench.commands.single import checkpoint_of, detector_in_tiles, gray, read_pair
from safebench.errors import ConfigError
from safebench.files import check_folder
from safebench.inputs.images import read_photo, read_profile, save_png
from safebench.inputs.own import NOTE
from safebench.inputs.photos.folder import list_images, masks_beside
from safebench.inputs.pictures.folders import Found, Index
from safebench.models import calling, tiling
from safebench.models.options import NONE, Given
from safebench.models.specs import sole_participant
from safebench.protocol import THRESHOLD, check_mask_threshold
from safebench.route.inpaint_worker import provenance
from safebench.work.tasks import sentence
from safebench.work.watching import Watcher


@dataclass(frozen=True)
class Done:
    """How many images there are, and how many of them failed; `ledger` is the results.csv that says more."""

    images: int
    failed: int
    ledger: Path


def detect_folder(
    name: str, folder: Path, out: Path, watcher: Watcher, *, weights: Path | None = None, seed: int = 0,
    device: str = "auto", tile: int | None = None,
) -> Done:  # fmt: skip
    """Look for inpainting in every image of a folder and below; into `out` go results.csv and maps/NAME.png, 16-bit
    gray.

    Run again, it does only what is missing: images that are new, were changed or failed, and all where the detector is
    another.  An image that fails has its reason in its line.  tile: as for `detect_file`.  Raises ConfigError where
    there is no image, and what keeps the detector from being loaded.
    """
    images = _images(folder, out)
    spec = detector_in_tiles(name, weights, seed, tile)
    detector = spec.load_detector(device)
    note = {NOTE: f"what {spec.label} found"}

    def look(image: str, path: Path) -> dict[str, str]:
        pixels = read_photo(path)
        found = tiling.detect(detector, pixels[None], spec.tile, [path])
        target = out / "maps" / f"{image}.png"
        save_png(target, gray(found.maps[0]), note)
        if found.confidence is not None:
            save_png(target.with_suffix(".confidence.png"), gray(found.confidence[0]), note)
        score = float(found.scores[0])
        flagged = "yes" if score >= THRESHOLD else "no"
        return {"score": repr(score), "flagged": flagged, "map": target.relative_to(out).as_posix()}

    columns = ("image", "sha256", "detector", "detector_id", "score", "flagged", "map", "error")
    said = {"detector": spec.label, "detector_id": spec.identity}
    return _work(f"Detecting: {spec.label}", images, out, columns, said, look, watcher)


def inpaint_folder(
    name: str, folder: Path, masks: Path | None, out: Path, watcher: Watcher, *, weights: Path | None = None,
    seed: int = 0, device: str = "auto", mask_threshold: int | None = None, options: Given = NONE,
) -> Done:  # fmt: skip
    """Fill the hole of every photo of a folder and below; into `out` go results.csv and pictures/NAME.png.

    masks: the folder of the masks, which are called like their photos, or end in _mask; None: they lie beside the
    photos as `a_mask.png`.  options: the model's, as of `--set`.  Runs again as `detect_folder` does.  Raises
    ConfigError where there is no photo.
    """
    if mask_threshold is not None:
        check_mask_threshold(mask_threshold)
    images = _images(folder, out)
    beside = masks_beside(images)
    mask_of = {photo: images[mask] for mask, photo in beside.items()} if masks is None else _masks_in(masks, images)
    photos = {image: path for image, path in images.items() if masks is not None or image not in beside}
    spec = sole_participant("inpainters", name, checkpoint_of("inpainters", name, weights), seed, given=options)
    inpainter = spec.load_inpainter(device)

    def paint(image: str, path: Path) -> dict[str, str]:
        target = out / "pictures" / f"{image}.png"
        photo, hole = read_pair(path, _mask_of(mask_of, image), mask_threshold)
        filled = calling.inpaint(inpainter, photo[None], hole[None], texts=[spec.text(path.name)])
        picture = calling.composite(photo[None], hole[None], filled)[0]
        save_png(target, picture, provenance(spec), read_profile(path))
        return {"picture": target.relative_to(out).as_posix()}

    def also(image: str) -> bytes:
        return mask_of[image].read_bytes() + f"{mask_threshold}".encode() if image in mask_of else b""

    columns = ("image", "sha256", "inpainter", "inpainter_id", "picture", "error")
    said = {"inpainter": spec.label, "inpainter_id": spec.identity}
    return _work(f"Inpainting: {spec.label}", photos, out, columns, said, paint, watcher, also)


def _images(folder: Path, out: Path) -> dict[str, Path]:
    """The images of a folder by name, but for what lies in `out`."""
    if out.resolve() == folder.resolve():
        raise ConfigError(f"--out {out}: is the folder that is read; name another one")
    check_folder(out)
    inside = out.resolve()
    images = {n: p for n, p in list_images(folder).images.items() if not p.resolve().is_relative_to(inside)}
    if not images:
        raise ConfigError(f"{folder}: there is no image in it (JPEG, PNG, WebP, TIFF or BMP by name)")
    return images


def _masks_in(folder: Path, images: Mapping[str, Path]) -> dict[str, Path]:
    """The mask of each photo that has one of its name in a folder."""
    index = Index(_found(name, path) for name, path in list_images(folder).images.items())
    masks = {image: index.find(_found(image, path)) for image, path in images.items()}
    return {image: mask.path for image, mask in masks.items() if mask is not None}


def _found(name: str, path: Path) -> Found:
    below, _, file = name.rpartition("/")
    return Found(name, path, below, file.rpartition(".")[0])


def _mask_of(masks: Mapping[str, Path], image: str) -> Path:
    if image not in masks:
        raise ConfigError(f"{image}: there is no mask of its name")
    return masks[image]


def _work(
    title: str, images: Mapping[str, Path], out: Path, columns: tuple[str, ...], said: Mapping[str, str],
    action: Callable[[str, Path], dict[str, str]], watcher: Watcher, also: Callable[[str], bytes] = lambda _: b"",
) -> Done:  # fmt: skip
    """Do what is missing, image by image; `also` gives what a result depends on besides the image and the model."""
    ledger = Ledger(out, columns)
    file_column = columns[-2]
    watcher.begin(title, len(images))
    failed = 0
    for image, path in images.items():
        line = {**dict.fromkeys(columns, ""), "image": image, **said}
        try:
            line["sha256"] = hashlib.sha256(path.read_bytes() + also(image)).hexdigest()
            before = ledger.line(image)
            like = before is not None and all(before[key] == line[key] for key in ("sha256", *said))
            if before is not None and like and not before["error"] and (out / before[file_column]).is_file():
                watcher.advance(1, fresh=False)
                continue
            line |= action(image, path)
        except Exception as error:  # a model may raise anything
            line["error"] = sentence(error)
            failed += 1
        ledger.write(line)
        watcher.advance(1)
    ledger.keep(list(images))
    return Done(len(images), failed, ledger.path)
