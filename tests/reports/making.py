"""Small runs made by hand: rows with known figures, and pictures of 32 x 32 pixels."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from safebench.inputs.images.png import save_png
from safebench.keys import slug
from safebench.metrics.catalogue import chosen
from safebench.metrics.known_changed import KNOWN_CHANGED
from safebench.protocol import ORIGINAL, REGENERATED, SPLICED
from safebench.results.results import Results, open_run
from safebench.runs import schema
from safebench.runs.record import read_record
from safebench.runs.store import Store

SIDE = 32
BINS = ("10-20", "30-40")
PHOTOS = ("one.png", "two.png", "three.png", "four.png", *(f"photo {k}.png" for k in range(5, 21)))
"""As many as a verdict takes."""
FEW = PHOTOS[:4]
SHA = "0" * 64
MakeRun = Callable[..., Results]
"""What the fixture `make_run` is: a name, and the fields of `Maker` that a test wants otherwise."""


def model(name: str, family: str = "blind", **more: Any) -> dict[str, Any]:
    """What run.json says of a model."""
    paper = {"title": f"Paper of {name}", "authors": "A. Author", "venue": "Venue", "year": 2004}
    return {
        "identity": f"id-{name}",
        "title": f"Title of {name}",
        "summary": f"Summary of {name}.",
        "family": family,
        "version": "1",
        "variant": "",
        "licence": {"code": "MIT", "weights": ""},
        "paper": {**paper, "url": "https://example.org/paper"},
        "weights_file": "",
        "weights_sha256": "",
        **more,
    }


def usual_inpainters() -> dict[str, Any]:
    network = model("gamma", "network", weights_sha256="c" * 64, weights_file="gamma.safetensors")
    return {
        "alpha": model("alpha", "diffusion"),
        "beta": model("beta", "patch"),
        "gamma": network,
        "copy": model("copy", "control"),
        "noise": model("noise", "control"),
    }


def usual_detectors() -> dict[str, Any]:
    return {"sharp": model("sharp"), "blunt": model("blunt")}


def usual_auc(inpainter: str, detector: str, hole_bin: str) -> float:
    """`alpha` is hardest to find, `sharp` is inverted on `gamma`; `copy` leaves nothing, `noise` everything."""
    if inpainter == "copy":
        return 0.5
    if (inpainter, detector) == ("gamma", "sharp"):
        return 0.25
    base = {"alpha": 0.62, "beta": 0.85, "gamma": 0.7, "noise": 0.94}.get(inpainter, 0.6)
    return base + 0.02 * BINS.index(hole_bin) + (0.03 if detector == "blunt" else 0)


def usual_psnr(inpainter: str, hole_bin: str) -> float:
    if inpainter == "copy":
        return math.inf
    return {"alpha": 24.0, "beta": 27.0, "gamma": 25.0, "noise": 12.0}.get(inpainter, 20.0) - 3 * BINS.index(hole_bin)


@dataclass
class Maker:
    """Writes a run through the store; figures come from functions of the names, so that a test knows them."""

    folder: Path
    inpainters: dict[str, Any] = field(default_factory=usual_inpainters)
    detectors: dict[str, Any] = field(default_factory=usual_detectors)
    info: dict[str, Any] = field(default_factory=dict)
    photos: tuple[str, ...] = PHOTOS
    dataset: str = "sample"
    auc: Callable[[str, str, str], float] = usual_auc
    psnr: Callable[[str, str], float] = usual_psnr
    lpips: float = 0.2
    lost: dict[str, dict[str, float]] = field(default_factory=dict)
    """By post-process, and by detector, what it takes off the pixel AUC; these stand beside `none`."""
    whole: dict[str, float] = field(default_factory=dict)
    """By detector, what it takes off the pixel AUC where pictures are regenerated; these stand beside the spliced."""
    errors: dict[tuple[str, str], str] = field(default_factory=dict)
    """By inpainter and detector; with the detector "", the inpainter's own."""
    pictures: int = 0
    """How many of the photos have pictures, and stand in the gallery."""

    def write(self) -> Results:
        self.rng = np.random.default_rng(5)
        self.metrics = (KNOWN_CHANGED.key,) if self.whole else ()
        self.store = Store(self.folder, chosen(self.metrics))
        samples = [self._sample(k, name, hole_bin) for k, name in enumerate(self.photos) for hole_bin in BINS]
        self.store.write_samples(pd.DataFrame(samples, columns=list(schema.SAMPLES)))
        self.store.write_record(read_record(json.dumps(self._info()).encode(), "run.json"))
        made = [
            (sample, name, assembly)
            for assembly in (SPLICED, *([REGENERATED] if self.whole else []))
            for sample in samples
            for name, about in self.inpainters.items()
            if assembly == SPLICED or about["family"] != "control"
        ]
        self.store.append("quality", [self._quality(*picture) for picture in made])
        originals = [{**sample, "sample": sample["photo"]} for sample in samples if sample["bin"] == BINS[0]]
        seen = [*made, *((sample, ORIGINAL, "") for sample in originals)]
        for postprocess in ("none", *self.lost):
            rows = [self._detection(*view, name, postprocess) for view in seen for name in self.detectors]
            self.store.append("detection", rows)
        self.store.flush()
        return open_run(self.folder)

    def _info(self) -> dict[str, Any]:
        photos = {"name": "sample", "title": "Sample photos", "licence": "CC0", "note": "", "count": len(self.photos)}
        return {
            "schema": 1,
            "protocol": "safepaint-2024/1",
            "status": "finished",
            "started": "2026-11-20T10:00:00+00:00",
            "finished": "2026-11-20T10:04:30+00:00",
            "config": {
                "inpainters": list(self.inpainters),
                "seed": 7,
                "keep_maps": False,
                "size": 256,
                "metrics": self.metrics,
            },
            "versions": {"safebench": "0.1.0", "python": "3.12.1", "torch": "2.9.0"},
            "git": {"commit": "4f" * 20, "dirty": False},
            "device": "cpu (threads: 2)",
            "platform": "Linux-test",
            "photos": {**photos, "fingerprint": "aa" * 32},
            "masks": {"name": "irregular", "licence": "MIT", "outside": 0, "problems": [], "fingerprint": "bb" * 32},
            "lpips_net": "" if math.isnan(self.lpips) else "squeeze",
            "lpips_note": "",
            "inpainters": self.inpainters,
            "detectors": self.detectors,
            "postprocessing": {label: model(label) for label in self.lost},
            **self.info,
        }

    def _sample(self, k: int, name: str, hole_bin: str) -> dict[str, Any]:
        sample = f"photo{k}.{hole_bin}"
        original, mask = f"originals/photo{k}.png", f"masks/{sample}.png"
        if k < self.pictures:
            save_png(self.folder / original, self.rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
            hole = np.zeros((SIDE, SIDE), np.bool_)
            hole[8:20, 8:20] = True
            save_png(self.folder / mask, hole)
        return {
            "sample": sample,
            "photo": f"photo{k}",
            "photo_name": name,
            "photo_sha256": SHA,
            "dataset": self.dataset,
            "mask_name": f"mask-{hole_bin}",
            "mask_sha256": SHA,
            "bin": hole_bin,
            "gallery": k < self.pictures,
            "photo_key": f"key-photo{k}",
            "key": f"key-{sample}",
            "original": original,
            "mask": mask,
        }

    def _quality(self, sample: dict[str, Any], name: str, assembly: str) -> dict[str, Any]:
        error = self.errors.get((name, ""), "")
        file = f"composites/{slug(name)}/{sample['sample']}{_marked(assembly)}.png"
        path = "" if error or not sample["gallery"] else file
        if path:
            shown = self.rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            save_png(self.folder / path, shown, {"SafeBench": f"made by {name}"})
        psnr = self.psnr(name, sample["bin"])
        psnr += 0 if math.isinf(psnr) else self.rng.normal(0, 0.3)
        figures = {"psnr": psnr, "psnr_hole": psnr - 6, "ssim": 0.9, "lpips": self.lpips, "l1": 0.02, "l1_hole": 0.1}
        if self.whole:
            figures[KNOWN_CHANGED.key] = 0.0 if assembly == SPLICED else self.rng.uniform(0.2, 0.4)
        return {
            **{key: sample[key] for key in ("sample", "photo", "dataset", "bin")},
            "key": f"q-{sample['sample']}-{name}{_marked(assembly)}",
            "sample_key": sample["key"],
            "inpainter_id": self.inpainters[name]["identity"],
            "lpips_net": "" if math.isnan(self.lpips) else "squeeze",
            "inpainter": name,
            "assembly": assembly,
            "composite": path,
            "composite_sha256": SHA,
            "hole_ratio": 0.2,
            **({} if error else figures),
            "error": error,
            "error_step": "inpaint" if error else "",
        }

    def _detection(
        self, sample: dict[str, Any], name: str, assembly: str, detector: str, postprocess: str
    ) -> dict[str, Any]:
        original = name == ORIGINAL
        error = self.errors.get((name, detector), "")
        file = f"maps/{slug(name)}/{slug(detector)}/{sample['sample']}{_marked(assembly)}.png"
        path = file if sample["gallery"] and not error else ""
        if path:
            save_png(self.folder / path, self.rng.integers(0, 65536, (SIDE, SIDE), dtype=np.uint16))
        return {
            **{key: sample[key] for key in ("sample", "photo", "dataset")},
            "key": f"d-{sample['sample']}-{name}-{detector}-{postprocess}{_marked(assembly)}",
            "sample_key": sample["photo_key"] if original else sample["key"],
            "inpainter_id": "" if original else self.inpainters[name]["identity"],
            "detector_id": self.detectors[detector]["identity"],
            "bin": "" if original else sample["bin"],
            "inpainter": name,
            "assembly": assembly,
            "postprocess": postprocess,
            "postprocess_id": "" if postprocess == "none" else f"id-{postprocess}",
            "detector": detector,
            "map": path,
            "picture": self._shown(path, postprocess),
            "confidence": "",
            **({} if error else self._seen(name, assembly, detector, sample["bin"], postprocess)),
            "error": error,
            "error_step": "detect" if error else "",
        }

    def _shown(self, path: str, postprocess: str) -> str:
        """The picture that is kept of one after post-processing: a JPEG of half the side, its mask beside it."""
        if postprocess == "none" or not path:
            return ""
        picture = path.replace("maps/", "pictures/", 1).replace(".png", f".{slug(postprocess)}.jpg")
        rng = np.random.default_rng(zlib.crc32(picture.encode()))  # its own, so that figures stay what they are
        pixels = rng.integers(0, 256, (SIDE // 2, SIDE // 2, 3), dtype=np.uint8)
        (self.folder / picture).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(self.folder / picture)
        hole = np.zeros((SIDE // 2, SIDE // 2), np.bool_)
        hole[4:10, 4:10] = True
        save_png((self.folder / picture).with_suffix(".mask.png"), hole)
        return picture

    def _seen(self, name: str, assembly: str, detector: str, hole_bin: str, postprocess: str) -> dict[str, float]:
        if name == ORIGINAL:
            return {"score": 0.2, "flagged": 0.0, "flagged_area": 0.05}
        auc = self.auc(name, detector, hole_bin) - self.lost.get(postprocess, {}).get(detector, 0)
        auc -= self.whole[detector] if assembly == REGENERATED else 0
        score = 0.4 + 0.3 * auc
        auc = min(1.0, max(0.0, auc + self.rng.normal(0, 0.02)))
        located = {"auc": auc, "f1": auc / 2, "f1_best": auc / 1.5, "iou": auc / 3, "mcc": auc - 0.5, "pixel_acc": 0.8}
        return {**located, "score": score, "flagged": float(score >= 0.5), "flagged_area": 0.05}


def _marked(assembly: str) -> str:
    """What sets apart the keys and files of pictures that are not spliced."""
    return "" if assembly in (SPLICED, "") else f".{assembly}"
