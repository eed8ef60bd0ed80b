"""Publishing a site: to the Hugging Face Hub (a static Space and its tables as a data set) or to a folder of pages.

Tokens are the Hub's own client's affair (`hf auth login`, or HF_TOKEN); none is read, kept or told here.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from safebench.errors import ConfigError, PublishError
from safebench.files import atomic_write

TEXT = frozenset({".html", ".json", ".csv", ".tex", ".md", ".bib", ".txt"})
"""Files that may tell of a local path; it is taken out."""
LISTING = ".safebench-published"
"""In a folder of pages: what an earlier publication put there, so that only that is ever removed."""
TABLES = "downloads"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Parcel:
    """What goes to one place: a title for people, and files by name."""

    place: str
    files: Mapping[str, bytes]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(map(len, self.files.values()))


def publish(site: Path, to: str, *, dry_run: bool, say: Callable[[str], None]) -> None:
    """Publish the site in the folder `site` to `hf:OWNER/NAME` or to a folder; a dry run only lists what would go.

    Raises ConfigError for a site or a destination that is none, PublishError where the destination refuses.
    """
    files = site_files(site)
    target = to.removeprefix("hf:") if to.startswith("hf:") else ""
    if to.startswith("hf:") and not _NAME.fullmatch(target):
        raise ConfigError(f"--to {to}: is not hf:OWNER/NAME")
    parcels = _hub_parcels(target, files) if target else [Parcel(str(Path(to)), {**files, ".nojekyll": b""})]
    for parcel in parcels:
        say(f"{parcel.place}: {len(parcel.files)} files, {parcel.size / 1e6:.1f} MB")
        if dry_run:
            for name, data in parcel.files.items():
                say(f"  {name} ({len(data):,} bytes)")
    if dry_run:
        say("Nothing was sent (dry run).")
    elif target:
        _to_hub(target, parcels, say)
    else:
        _to_folder(Path(to), parcels[0].files)
        say(f"Written to {to}; commit and push it to the branch that your host serves.")


def site_files(site: Path) -> dict[str, bytes]:
    """The site's files by name, hidden ones left out, local paths taken out of texts."""
    if not (site / "index.html").is_file():
        raise ConfigError(f"{site}: holds no index.html; make a site with: safebench leaderboard RUN... --out {site}")
    files = {}
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site)
        if any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        if path.is_symlink() or not path.resolve().is_relative_to(site.resolve()):
            raise ConfigError(f"{path}: leads out of the site's folder; copy what it names into it")
        data = path.read_bytes()
        files[name.as_posix()] = _without_local(data, site) if path.suffix in TEXT else data
    return files


def _without_local(data: bytes, site: Path) -> bytes:
    """A text without the folders of this machine that a tool of the user's may have written into it."""
    folders = {
        site.resolve(),
        site.absolute(),
        site.resolve().parent,
        Path.cwd(),
        Path(tempfile.gettempdir()),
    }
    with contextlib.suppress(RuntimeError):  # no home folder is known
        folders.add(Path.home())
    for folder in sorted(map(str, folders), key=len, reverse=True):
        if len(Path(folder).parts) > 1:
            data = re.sub(rb"(?:file://)?" + re.escape(os.fsencode(folder)) + rb"(?![\w-])/?", b"", data)
    return data


def _to_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files; what an earlier publication left and this one has not is removed, and nothing else."""
    listing = folder / LISTING
    try:
        earlier = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
        for name in earlier:
            old = folder / name
            if name not in files and ".." not in Path(name).parts and not Path(name).is_absolute() and old.is_file():
                old.unlink()
        for name, data in files.items():
            atomic_write(folder / name, data)
        atomic_write(listing, "".join(f"{name}\n" for name in files).encode())
    except OSError as error:
        raise PublishError(f"{folder}: could not be written to ({error.strerror})") from None


def _hub_parcels(target: str, files: Mapping[str, bytes]) -> list[Parcel]:
    tables = {
        name.removeprefix(f"{TABLES}/"): data
        for name, data in files.items()
        if name.startswith(f"{TABLES}/") and name.endswith((".parquet", ".bib"))
    }
    title = target.partition("/")[2].replace("-", " ").replace("_", " ")
    space = {**files, "README.md": _space_card(title, target).encode()}
    parcels = [Parcel(f"Space {target}", space)]
    if tables:
        data_set = {**tables, "README.md": _data_card(title, target, tables).encode()}
        parcels.append(Parcel(f"data set {target}", data_set))
    return parcels


def _space_card(title: str, target: str) -> str:
    return f"""---
title: "{title}"
emoji: "\N{LEFT-POINTING MAGNIFYING GLASS}"
colorFrom: blue
colorTo: gray
sdk: static
app_file: index.html
datasets:
  - {target}
---

A SafeBench leaderboard: which image inpainters leave no trace, and which forgery detectors find it all the same.
The figures are in the data set [{target}](https://huggingface.co/datasets/{target}).
"""


def _data_card(title: str, target: str, tables: Mapping[str, bytes]) -> str:
    """The data set's card: what the tables hold, read from the tables."""
    names = sorted(name for name in tables if name.endswith(".parquet"))
    configs = "\n".join(f"  - config_name: {name.removesuffix('.parquet')}\n    data_files: {name}" for name in names)
    described = []
    for name in names:
        held = pq.read_table(io.BytesIO(tables[name]))
        columns = ", ".join(f"`{column}`" for column in held.column_names if not column.endswith(("_low", "_high")))
        described.append(f"- `{name}`: {held.num_rows:,} rows. Columns: {columns}.")
    return f"""---
pretty_name: "{title}"
configs:
{configs}
tags:
  - image-forensics
  - image-inpainting
  - benchmark
---

# {title}

The tables of the SafeBench leaderboard [{target}](https://huggingface.co/spaces/{target}): means over images, one row
for each data set, inpainter, detector, post-process and bin of hole sizes.

{chr(10).join(described)}

A mean stands under the metric's name, its 95% interval (bootstrap over photos) under NAME_low and NAME_high; `n` is the
number of images. Rows compare only where `table` is the same: protocol, photos, masks, size and LPIPS backbone agree.
The definitions are those of the protocol that the column `protocol` names. The models' papers: `references.bib`.
"""


def _to_hub(target: str, parcels: list[Parcel], say: Callable[[str], None]) -> None:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="safebench")
    try:
        for parcel in reversed(parcels):  # the Space names the data set
            space = parcel.place.startswith("Space")
            kind = "space" if space else "dataset"
            api.create_repo(target, repo_type=kind, exist_ok=True, space_sdk="static" if space else None)
            added = [CommitOperationAdd(name, data) for name, data in parcel.files.items()]
            with warnings.catch_warnings():  # a Space is meant to offer its tables for download
                warnings.filterwarnings("ignore", message=".*about to commit a data file")
                sent = api.create_commit(target, added, commit_message="Publish with SafeBench", repo_type=kind)
            say(f"Sent: {sent.repo_url}")
    except HfHubHTTPError as error:
        raise PublishError(f"hf:{target}: the Hub refused ({_status(error)}); log in with: hf auth login") from None
    except Exception as error:  # no network, no token: of which kind is for the client's own HTTP library to say
        hint = "is there a network, and did you log in (hf auth login)?"
        raise PublishError(f"hf:{target}: could not be sent ({type(error).__name__}); {hint}") from None


def _status(error: Exception) -> str:
    """The status alone: what the Hub or its client says further may quote what was sent."""
    response = getattr(error, "response", None)
    return f"status {response.status_code}" if response is not None else type(error).__name__
