"""A run of a million rows, written as the store writes them: no pictures, figures from a seeded generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from safebench.protocol import ORIGINAL
from safebench.runs import schema
from safebench.runs.store import Store

from .making import Maker, model

BINS = ("10-20", "30-40", "50-60")
INPAINTERS = [f"inpainter-{k:02}" for k in range(12)]
DETECTORS = [f"detector-{k}" for k in range(9)]
PHOTOS = 2750
FLOATS = [name for name, kind in schema.DETECTION.items() if kind == "float64"]


def write_million(folder: Path) -> int:
    """Write the run; returns how many rows it holds (quality, detection, originals)."""
    rng = np.random.default_rng(11)
    inpainters = {name: model(name, "network") for name in INPAINTERS}
    detectors = {name: model(name) for name in DETECTORS}
    maker = Maker(folder, inpainters=inpainters, detectors=detectors, photos=())
    maker.write()
    store = Store(folder)
    photo = np.repeat(np.array([f"photo{k:05}" for k in range(PHOTOS)]), len(BINS))
    hole_bin = np.tile(np.array(BINS), PHOTOS)
    sample = np.char.add(np.char.add(photo, "."), hole_bin)
    samples = pd.DataFrame(dict.fromkeys(schema.SAMPLES, ""), index=range(len(sample)))
    samples = samples.assign(
        sample=sample, photo=photo, photo_name=photo, dataset="sample", bin=hole_bin, gallery=False,
        key=np.char.add("key-", sample), photo_key=np.char.add("key-", photo),
    )  # fmt: skip
    store.write_samples(samples)
    base = {name: samples[name] for name in ("sample", "photo", "dataset", "bin")}
    total = 0
    quality_of_photo = rng.normal(0, 1, PHOTOS).repeat(len(BINS))
    for k, name in enumerate(INPAINTERS):
        psnr = 25 - k / 3 + quality_of_photo + rng.normal(0, 1, len(sample))
        figures = {"psnr": psnr, "psnr_hole": psnr - 6, "ssim": 0.9, "lpips": 0.2 + k / 100, "l1": 0.02, "l1_hole": 0.1}
        rows = pd.DataFrame(base | figures).assign(
            key=[f"q{k}-{s}" for s in sample], sample_key=samples["key"], inpainter_id=f"id-{name}",
            lpips_net="squeeze", inpainter=name, assembly="spliced", composite="", composite_sha256="", hole_ratio=0.2,
            error="", error_step="",
        )  # fmt: skip
        total += _append(store, "quality", rows)
        for j, detector in enumerate(DETECTORS):
            auc = np.clip(0.55 + k / 40 + j / 60 + quality_of_photo / 20 + rng.normal(0, 0.1, len(sample)), 0, 1)
            total += _append(store, "detection", _seen(base, auc, name, detector, samples["key"], f"d{k}-{j}"))
    first = hole_bin == BINS[0]
    for j, detector in enumerate(DETECTORS):
        score = rng.uniform(0, 0.6, PHOTOS)
        original = {key: column[first] for key, column in base.items()} | {"bin": "", "sample": photo[first]}
        rows = _seen(original, score, ORIGINAL, detector, samples["photo_key"][first], f"o{j}")
        total += _append(store, "detection", rows)
    return total


def _seen(base, auc, inpainter, detector, keys, prefix) -> pd.DataFrame:
    values = dict.fromkeys(FLOATS, auc) | {"flagged": (auc >= 0.5).astype(float), "flagged_area": 0.05}
    rows = pd.DataFrame({**base, **values}).assign(
        sample_key=keys, inpainter_id="" if inpainter == ORIGINAL else f"id-{inpainter}", detector_id=f"id-{detector}",
        inpainter=inpainter, assembly="" if inpainter == ORIGINAL else "spliced", postprocess="none", postprocess_id="",
        detector=detector, map="", confidence="", picture="", picture_sha256="", error="", error_step="",
    )  # fmt: skip
    return rows.assign(key=[f"{prefix}-{key}" for key in rows["sample_key"]])


def _append(store: Store, table, rows: pd.DataFrame) -> int:
    """One shard, as `Store.flush` writes it, without a million dicts on the way."""
    from safebench.files import atomic_write
    from safebench.runs.store import _parquet

    columns = {"quality": schema.QUALITY, "detection": schema.DETECTION}[table]
    folder = store.folder / "results" / table
    number = len(list(folder.glob("*.parquet"))) + 1 if folder.is_dir() else 1
    atomic_write(folder / f"{number:06d}.parquet", _parquet(rows[list(columns)], columns))
    return len(rows)
