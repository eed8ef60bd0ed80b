"""A run's folder: where everything lies, the lock, run.json, and the append-only tables (DESIGN: the run's folder)."""

from __future__ import annotations

import io
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from safebench.errors import StoreError
from safebench.files import as_text, atomic_write
from safebench.keys import slug
from safebench.metrics.catalogue import DEFAULT
from safebench.metrics.metric import Metric
from safebench.protocol import ORIGINAL
from safebench.runs import schema
from safebench.runs.folder import check_run_folder
from safebench.runs.record import RunRecord, read_record
from safebench.runs.schema import Table

_ARROW = {"string": pa.string(), "float64": pa.float64(), "bool": pa.bool_()}
_PLACES = re.compile(r"[^:+]*[/\\]")
"""Of an argument that is a path or a Hub's address, all but the last part: who works where is nobody's business."""
_FLUSH_ROWS = 512
_FLUSH_SECONDS = 10.0
pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keeps what tables took up; this one gives it back


class Store:
    """The folder of one run.  Rows are buffered and written as shards: a killed run loses seconds, never a table.

    metrics: what rows that are appended hold; those that are read hold what their shards do.
    """

    def __init__(self, folder: Path, metrics: Sequence[Metric] = DEFAULT) -> None:
        self.folder = folder
        self._columns: dict[Table, Mapping[str, str]] = {
            "quality": schema.columns("quality", metrics),
            "detection": schema.columns("detection", metrics),
        }
        self._rows: dict[Table, list[dict[str, Any]]] = {"quality": [], "detection": []}
        self._written = time.monotonic()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; raises StoreError where another run holds it.  The lock dies with its process."""
        check_run_folder(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise StoreError(
                f"{self.folder}: another run is at work in this folder; wait for it, or choose --out"
            ) from None
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written to ({error.strerror})") from None
        try:
            yield
        finally:
            lock.release()

    def sweep(self) -> None:
        """Remove what a killed run left half-written."""
        for path in self.folder.rglob(".*.tmp"):
            path.unlink(missing_ok=True)

    # where things lie -------------------------------------------------------------------------------------------

    def original(self, photo: str, digest: str) -> Path:
        """The photo as it is evaluated: square, at the run's size."""
        return self.folder / "originals" / f"{photo}-{digest[:12]}.png"

    def mask(self, sample: str, digest: str) -> Path:
        """The sample's hole, 255 = hole."""
        return self.folder / "masks" / f"{sample}-{digest[:12]}.png"

    def composite(self, inpainter: str, sample: str, key: str) -> Path:
        """The 8-bit composite; its name holds its key, so that other weights make another file."""
        return self.folder / "composites" / slug(inpainter, 80) / f"{sample}-{key[:12]}.png"

    def picture(self, maker: str, postprocess: str, name: str, key: str, suffix: str) -> Path:
        """A picture after post-processing, as the kind of file that it is."""
        return (
            self.folder
            / "pictures"
            / slug(maker, 80)
            / slug(_PLACES.sub("", postprocess), 80)
            / f"{name}-{key[:12]}{suffix}"
        )

    def map(self, inpainter: str, detector: str, sample: str, key: str, kind: str = "map") -> Path:
        """A detector's map (or `confidence`), 16-bit gray."""
        tail = "" if kind == "map" else f".{kind}"
        return self.folder / "maps" / slug(inpainter, 80) / slug(detector, 80) / f"{sample}-{key[:12]}{tail}.png"

    def feature(self, name: str, of: str) -> Path:
        """What a picture left behind; `of` is the picture's path in the folder, or the key of the map's row."""
        return self.folder / "features" / name / f"{of}.npz"

    def relative(self, path: Path) -> str:
        """A path as the tables hold it."""
        return path.relative_to(self.folder).as_posix()

    # run.json and the plan --------------------------------------------------------------------------------------

    def read_record(self) -> RunRecord | None:
        """What run.json says; None where the folder is new.  Raises StoreError where the file cannot be read."""
        path = self.folder / "run.json"
        if not path.exists():
            return None
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror}); a run's folder needs it") from None
        return read_record(data, str(path))

    def write_record(self, record: RunRecord) -> RunRecord:
        """Write run.json; returns the record as it was written, with paths that any text can hold."""
        data = msgspec.json.encode(_storable(msgspec.to_builtins(record)))
        atomic_write(self.folder / "run.json", msgspec.json.format(data, indent=2) + b"\n")
        return read_record(data, str(self.folder / "run.json"))

    def read_samples(self) -> pd.DataFrame:
        """The stored plan; an empty table where there is none."""
        path = self.folder / "samples.parquet"
        if not path.exists():
            return _frame([], schema.SAMPLES)
        return _read([path], schema.SAMPLES)

    def write_samples(self, samples: pd.DataFrame) -> None:
        """Store the plan, unless the same one is there."""
        data = _parquet(samples, schema.SAMPLES)
        path = self.folder / "samples.parquet"
        if not path.exists() or path.read_bytes() != data:
            atomic_write(path, data)

    # the tables -------------------------------------------------------------------------------------------------

    def append(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows; they are written as a shard now and then, and at the latest by `flush`."""
        self._rows[table] += [dict(row) for row in rows]
        due = time.monotonic() - self._written > _FLUSH_SECONDS
        if due or any(len(waiting) >= _FLUSH_ROWS for waiting in self._rows.values()):
            self.flush()

    def flush(self) -> None:
        """Write all rows that wait."""
        for table, rows in self._rows.items():
            if rows:
                folder = self.folder / "results" / table
                numbers = [int(path.stem) for path in folder.glob("[0-9]*.parquet") if path.stem.isdigit()]
                columns = self._columns[table]
                shard = folder / f"{max(numbers, default=0) + 1:06d}.parquet"
                atomic_write(shard, _parquet(_frame(rows, columns), columns))
                rows.clear()
        self._written = time.monotonic()

    def read(self, table: Table, having: Sequence[str] = ()) -> pd.DataFrame:
        """All rows, one for each key: the latest.  A metric that a shard does not hold is NaN in its rows.

        having: only rows of shards that hold these columns, so that what was measured shows even where it is NaN.
        Raises StoreError for a shard that is damaged, or lacks what rows say of themselves.
        """
        shards = sorted((self.folder / "results" / table).glob("[0-9]*.parquet"))
        parts = [part for path in shards if set(having) <= set((part := _read_shard(path, table)).column_names)]
        if not parts:
            return _frame([], self._columns[table])
        alike = len({tuple(part.column_names) for part in parts}) == 1
        rows = _with_added(_joined(parts, self.folder / "results" / table), table)
        del parts  # as large as the rows
        measured = schema.metric_columns(table)
        lacking = [name for name in measured if name not in rows]
        rows = rows.assign(**dict.fromkeys(lacking, math.nan)) if lacking else rows
        again = rows["key"].duplicated(keep="last")
        if not again.any():
            return rows
        rows = rows if alike else _filled(rows)
        return rows[~again].reset_index(drop=True)


def _storable(value: Any) -> Any:
    """What run.json can hold: a path among the options may have bytes that are no UTF-8."""
    if isinstance(value, Mapping):
        return {name: _storable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(part) for part in value]
    return as_text(value) if isinstance(value, str) else value


def _frame(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    types = {"string": "object", "float64": "float64", "bool": "bool"}
    return pd.DataFrame(rows, columns=list(columns)).astype({name: types[kind] for name, kind in columns.items()})


def _parquet(frame: pd.DataFrame, columns: Mapping[str, str]) -> bytes:
    arrow_schema = pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, schema=arrow_schema, preserve_index=False), buffer, compression="zstd")
    return buffer.getvalue()


def _read(paths: list[Path], columns: Mapping[str, str]) -> pd.DataFrame:
    return _joined([_checked(path, columns) for path in paths], paths[0].parent)


def _read_shard(path: Path, table: Table) -> pa.Table:
    """A shard; those of other versions may hold other metrics."""
    known = schema.columns(table, ())
    return _checked(path, [name for name in known if name not in schema.ADDED[table]])


def _checked(path: Path, columns: Iterable[str]) -> pa.Table:
    try:
        with path.open("rb") as file:  # Arrow itself takes no path that is not UTF-8
            table = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: is damaged ({error}); remove it and run again, its rows are made anew") from None
    if lacking := [name for name in columns if name not in table.column_names]:
        raise StoreError(
            f"{path}: is no table of this SafeBench (it lacks {', '.join(lacking)}); run again into another folder"
        )
    return table


def _with_added(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows with the columns that older versions did not write, as they would have been."""
    for name, value in schema.ADDED[table].items():
        if name not in rows:
            rows = rows.assign(**{name: pd.Series(value, rows.index, dtype=rows["key"].dtype)})
        elif rows[name].isna().any():
            rows = rows.assign(**{name: rows[name].fillna(value)})
    untouched = (rows["inpainter"] == ORIGINAL) & (rows["assembly"] != "")
    return rows.assign(assembly=rows["assembly"].mask(untouched, "")) if untouched.any() else rows


def _joined(tables: list[pa.Table], folder: Path) -> pd.DataFrame:
    try:
        return pa.concat_tables(tables, promote_options="default").to_pandas()
    except pa.ArrowException:
        raise StoreError(f"{folder}: its tables do not fit together; run again into another folder") from None


def _filled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of one key with the values that only earlier ones of that key have: they measured something else."""
    numbers = rows.columns[rows.dtypes == "float64"]
    return rows.assign(**rows[numbers].groupby(rows["key"]).ffill())
