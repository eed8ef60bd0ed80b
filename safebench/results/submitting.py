"""Handing a run in: it is checked, cleaned of local paths and packed; who takes it unpacks it and checks again."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd

from safebench.errors import StoreError, SubmissionError
from safebench.files import atomic_write, check_target, file_errors
from safebench.metrics.catalogue import features
from safebench.results.comparing import group
from safebench.results.results import Results, open_run
from safebench.results.verifying import Verdict, verify
from safebench.runs import schema
from safebench.runs.store import Store
from safebench.weights.read import archives

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
    target = out or Path(f"{results.name}{SUFFIX}")
    check_target(target)
    verdict = verify(results, secrets.randbits(32) if seed is None else seed)
    verdict.raise_if_wrong(str(run))
    with (
        file_errors(target, always=True),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".submission-") as staging,
    ):
        folder = Path(staging, results.name)
        _stage(results, folder)
        packed = Path(staging, "packed.zip")
        _pack(folder, packed)
        packed.replace(target)
    return target, verdict


@contextmanager
def opened(sources: Sequence[Path], seed: int | None = None) -> Iterator[list[Results]]:
    """The results of runs and submissions, these checked first; what was unpacked is gone when the block ends.

    One that is named twice counts once.  Raises SubmissionError for a submission that was tampered with, whether it is
    still packed or was unpacked by hand, StoreError for a run without results.
    """
    with ExitStack() as stack:
        runs = []
        for source in {path.resolve(): path for path in sources}.values():
            place = _placed(source, stack)
            results = open_run(place)
            if not len(results.quality) and not len(results.detection):
                raise StoreError(f"{source}: holds no results yet; the command that began the run goes on with it")
            if (place / MANIFEST).is_file():
                verify(results, secrets.randbits(32) if seed is None else seed).raise_if_wrong(str(source))
            runs.append(results)
        yield runs


def check(source: Path, seed: int | None = None) -> Verdict:
    """Hold a submission, packed or unpacked, or a run to be submitted against its own pictures, as a leaderboard does.

    seed: draws the samples that are computed again; at random where it is None.  Raises SubmissionError where
    something is wrong.
    """
    with ExitStack() as stack:
        verdict = verify(open_run(_placed(source, stack)), secrets.randbits(32) if seed is None else seed)
    verdict.raise_if_wrong(str(source))
    return verdict


def _placed(source: Path, stack: ExitStack) -> Path:
    """The run's folder: of a packed submission one that is gone when the stack is closed."""
    if source.is_file():
        return _unpack(source, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="safebench-"))))
    if (source / MANIFEST).is_file():
        _check_unpacked(source)
    return source


def _stage(results: Results, folder: Path) -> None:
    """Copy what the run's figures rest on, without local paths and without what is of no present row."""
    [like] = group([results])
    tables = like.tables
    store = Store(folder, results.metrics)
    samples = results.samples
    store.write_record(tables.record)
    store.write_samples(samples)
    frames: dict[schema.Table, pd.DataFrame] = {"quality": tables.quality, "detection": tables.detection}
    for name, frame in frames.items():
        columns = schema.columns(name, results.metrics)
        store.append(name, frame.reindex(columns=list(columns)).to_dict("records"))  # type: ignore[arg-type]
    store.flush()
    paths = [samples["original"], samples["mask"], results.quality["composite"]]
    paths += [results.detection["map"], results.detection["confidence"]]
    shown = results.detection["picture"]
    paths += [shown, shown[shown != ""].map(lambda path: Path(path).with_suffix(".mask.png").as_posix())]
    files = {path for column in paths for path in column.dropna() if path}
    for path in sorted(files | _features(results)):
        source = (results.folder / path).resolve()
        if source.is_file() and source.is_relative_to(results.folder.resolve()):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _features(results: Results) -> set[str]:
    """What the pictures left behind for metrics over cells."""
    store = Store(results.folder)
    composites = features(results.metrics, "composite")
    pictures = {*results.samples["original"], *results.quality["composite"]}
    files = {store.feature(name, of) for name in composites for of in pictures}
    files |= {store.feature(n, of) for n in features(results.metrics, "map") for of in results.detection["key"]}
    return {store.relative(path) for path in files}


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
            sums, name = _manifest(archive.read(MANIFEST))
            archive.extractall(folder / "run")
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, TypeError) as error:
        raise SubmissionError(f"{source}: is no submission of safebench submit ({error})") from None
    _check_sums(source, folder / "run", sorted(set(infos) - {MANIFEST}), sums)
    named = folder / (Path(name).name or "run")
    if named.name != "run":
        (folder / "run").rename(named)
    return named


def _check_unpacked(folder: Path) -> None:
    """The same for a submission that somebody unpacked; what a later command put beside it (`report`) is no matter."""
    try:
        sums, _ = _manifest((folder / MANIFEST).read_bytes())
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise SubmissionError(f"{folder / MANIFEST}: is no list of safebench submit ({error})") from None
    held = [
        name
        for name in sums
        if (folder / name).is_file() and (folder / name).resolve().is_relative_to(folder.resolve())
    ]
    shards = [path.relative_to(folder).as_posix() for path in (folder / "results").rglob("*.parquet")]
    _check_sums(folder, folder, sorted({*held, *shards}), sums)


def _manifest(data: bytes) -> tuple[dict[str, str], str]:
    """Each file's sha256, and the run's name."""
    manifest = json.loads(data)
    return dict(manifest["sha256"]), str(manifest["run"])


def _check_sums(source: Path, folder: Path, held: Sequence[str], sums: Mapping[str, str]) -> None:
    """Raise SubmissionError unless the files held are those of the list, each as it was."""
    wrong = sorted(set(held) ^ set(sums)) or [name for name in held if _sha256(folder / name) != sums[name]]
    if wrong:
        such = f" ({len(wrong)} such files)" if len(wrong) > 1 else ""
        raise SubmissionError(f"{source}: is refused: {wrong[0]} is not as it was packed{such}")


def _sha256(path: Path) -> str:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            checksum.update(block)
    return checksum.hexdigest()
