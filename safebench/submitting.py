"""Handing a run in: it is checked, cleaned of local paths and packed; who takes it unpacks it and checks again."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd

from safebench import archives, schema
from safebench.comparing import group
from safebench.errors import SubmissionError
from safebench.files import atomic_write
from safebench.results import Results, open_run
from safebench.store import Store
from safebench.verifying import Verdict, verify

MANIFEST = "manifest.json"
SUFFIX = ".safebench.zip"
LARGEST = 200 * 2**30
"""Bytes that a submission may unpack to."""


def submit(run: Path, out: Path | None = None, seed: int | None = None) -> tuple[Path, Verdict]:
    """Check a run's folder and pack it into `out` (default: NAME.safebench.zip here).

    seed: draws the samples that are computed again; default: nobody knows it beforehand.  Raises SubmissionError with
    what is wrong.
    """
    results = open_run(run)
    verdict = verify(results, secrets.randbits(32) if seed is None else seed)
    verdict.raise_if_wrong(str(run))
    target = out or Path(f"{results.name}{SUFFIX}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".submission-") as staging:
        folder = Path(staging, results.name)
        _stage(results, folder)
        packed = Path(staging, "packed.zip")
        _pack(folder, packed)
        packed.replace(target)
    return target, verdict


@contextmanager
def opened(sources: Sequence[Path], seed: int | None = None) -> Iterator[list[Results]]:
    """The results of runs and submissions, these checked first; what was unpacked is gone when the block ends.

    Raises SubmissionError for a submission that was tampered with.
    """
    with ExitStack() as stack:
        found = []
        for source in sources:
            if source.is_file():
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="safebench-")))
                results = open_run(_unpack(source, folder))
                verify(results, secrets.randbits(32) if seed is None else seed).raise_if_wrong(str(source))
            else:
                results = open_run(source)
            found.append(results)
        yield found


def _stage(results: Results, folder: Path) -> None:
    """Copy what the run's figures rest on, without local paths and without what is of no present row."""
    [like] = group([results])
    tables = like.tables
    store = Store(folder)
    samples = results.samples
    store.write_info(tables.info)
    store.write_samples(samples)
    frames: tuple[tuple[str, pd.DataFrame], ...] = (("quality", tables.quality), ("detection", tables.detection))
    columns = {"quality": schema.QUALITY, "detection": schema.DETECTION}
    for name, frame in frames:
        store.append(name, frame.reindex(columns=list(columns[name])).to_dict("records"))  # type: ignore[arg-type]
    store.flush()
    paths = [samples["original"], samples["mask"], results.quality["composite"]]
    paths += [results.detection["map"], results.detection["confidence"]]
    for path in sorted({path for column in paths for path in column.dropna() if path}):
        source = (results.folder / path).resolve()
        if source.is_file() and source.is_relative_to(results.folder.resolve()):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _pack(folder: Path, target: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    sums = {name: _sha256(path) for name, path in names.items()}
    atomic_write(folder / MANIFEST, json.dumps({"run": folder.name, "sha256": sums}, indent=1).encode())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # pictures and Parquet are compressed already
        archive.write(folder / MANIFEST, MANIFEST)
        for name, path in names.items():
            archive.write(path, name)


def _unpack(source: Path, folder: Path) -> Path:
    """Unpack a submission; raises SubmissionError where it is none, or a file is not the one that was packed."""
    try:
        with zipfile.ZipFile(source) as archive:
            infos = archives.members(archive)
            if sum(info.file_size for info in infos.values()) > LARGEST:
                raise SubmissionError(f"{source}: is refused: it would unpack to more than {LARGEST >> 30} GiB")
            manifest = json.loads(archive.read(MANIFEST))
            sums, name = dict(manifest["sha256"]), str(manifest["run"])
            archive.extractall(folder / "run")
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, TypeError) as error:
        raise SubmissionError(f"{source}: is no submission of safebench submit ({error})") from None
    held = set(infos) - {MANIFEST}
    wrong = sorted(held ^ set(sums)) or [n for n in sums if _sha256(folder / "run" / n) != sums[n]]
    if wrong:
        raise SubmissionError(f"{source}: is refused: {wrong[0]} is not as it was packed ({len(wrong)} such files)")
    named = folder / (Path(name).name or "run")
    if named.name != "run":
        (folder / "run").rename(named)
    return named


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()
