"""Where a card's files come from: the Hugging Face Hub, any web server, Google Drive, a member of a zip file."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safebench.errors import CardError
from safebench.weights.fetch import downloads
from safebench.weights.fetch.downloads import DownloadError, Progress
from safebench.weights.published import File
from safebench.weights.read import archives

DRIVE = "https://drive.google.com"
_HUB = re.compile(r"(?:(datasets|spaces)/)?([^/@#]+/[^/@#]+)/([^@#]+)(?:@([^#]+))?")


@dataclass(frozen=True)
class Source:
    """One place, as a card writes it: `text`; `base` without `member`, the part of a zip file behind a `#`."""

    text: str
    base: str
    member: str

    @property
    def by_hand(self) -> str:
        """What to do in a browser to get the file."""
        return f"{self.page} (its member {self.member})" if self.member else self.page

    @property
    def page(self) -> str:
        """What to open in a browser."""
        if self.base.startswith("hf://"):
            kind, repo, path, revision = _hub_parts(self)
            return f"https://huggingface.co/{f'{kind}/' if kind else ''}{repo}/blob/{revision}/{path}"
        if self.base.startswith("gdrive://"):
            return f"https://drive.google.com/file/d/{self.base.removeprefix('gdrive://')}/view"
        return self.base


def parse(text: str) -> Source:
    """Read a source; raises CardError where it is of no kind that can be fetched."""
    base, _, member = text.partition("#")
    source = Source(text, base, member)
    if base.startswith("hf://"):
        _hub_parts(source)
    elif not base.startswith(("https://", "http://", "gdrive://")):
        raise CardError(f"{text}: is no source; use hf://owner/repo/file@revision, https://... or gdrive://ID")
    return source


def fetch(file: File, target: Path, progress: Progress = downloads.silent) -> Source:
    """Bring a card's file to `target` from the first of its sources that has it; returns that source.

    Raises DownloadError, one sentence that says of each source what was wrong, or DiskFullError.
    """
    failures = []
    for source in map(parse, (text for text in file.sources if not text.startswith("package:"))):
        try:
            if source.member:
                _fetch_member(source, file, target, progress)
            else:
                _fetch_whole(source, target, progress, sha256=file.sha256, size=file.size)
        except DownloadError as error:
            failures.append(str(error))
        else:
            return source
    raise DownloadError("; ".join(failures))


def _fetch_whole(source: Source, target: Path, progress: Progress, **expected: Any) -> None:
    if source.base.startswith("gdrive://"):
        _fetch_from_drive(source, target, progress, **expected)
        return
    url, headers = address(source)
    downloads.download(url, target, headers=headers, progress=progress, **expected)


def _fetch_member(source: Source, file: File, target: Path, progress: Progress) -> None:
    """The archive stays beside the target, for the next file that is a member of it; see `forget_archives`."""
    archive = target.with_name(f".{hashlib.sha256(source.base.encode()).hexdigest()[:16]}.zip")
    kind, _, checksum = file.archive.partition(":")
    if not archive.exists():
        _fetch_whole(source, archive, progress, **({kind: checksum} if checksum else {}))
    part = target.with_name(f".{target.name}.part")
    try:
        with downloads.no_room(part), zipfile.ZipFile(archive) as opened:
            held = archives.members(opened)
            # authors pack their files now with, now without a folder around all
            named = {source.member} & set(held) or {name for name in held if name.endswith(f"/{source.member}")}
            if len(named) != 1:
                raise DownloadError(f"{source.text}: the archive has {'several' if named else 'no'} such members")
            member = held[named.pop()]
            downloads.check_room(part, member.file_size)
            with opened.open(member) as packed, part.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
        downloads.check(part, source.text, sha256=file.sha256, size=file.size)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        part.unlink(missing_ok=True)
        archive.unlink()
        raise DownloadError(f"{source.text}: the archive is damaged or hostile: {error}") from None
    except DownloadError:
        archive.unlink()
        raise
    part.replace(target)


def forget_archives(folder: Path) -> None:
    """Delete the archives whose members were taken out into a folder."""
    for archive in folder.glob(".????????????????.zip"):
        archive.unlink()


def _fetch_from_drive(source: Source, target: Path, progress: Progress, **expected: Any) -> None:
    import gdown
    import requests

    part = target.with_name(f".{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with downloads.no_room(part):
            # asked once, since gdown would ask for long where there is no network
            requests.head(DRIVE, timeout=(downloads.CONNECT, downloads.TIMEOUT))
            gdown.download(
                id=source.base.removeprefix("gdrive://"),
                output=str(part),
                quiet=True,
                use_cookies=False,
                resume=True,
                retries=downloads.TRIES,
                timeout=(downloads.CONNECT, downloads.TIMEOUT),
                progress=lambda done, total: progress(done, total or 0),
            )
    except (gdown.exceptions.DownloadError, requests.exceptions.RequestException) as error:
        if isinstance(error.__cause__ or error, requests.exceptions.ConnectionError):
            raise DownloadError(f"{source.text}: no connection to Google Drive; is there a network?") from None
        reason = " ".join(str(error).split())
        raise DownloadError(f"{source.text}: Google Drive does not give it out: {reason[:200]}") from None
    downloads.check(part, source.text, **expected)
    part.replace(target)


def address(source: Source) -> tuple[str, Mapping[str, str]]:
    """The URL of a source and what has to be sent along; of Google Drive the one that gives the file, or asks first.

    huggingface_hub knows the Hub's address (HF_ENDPOINT) and the user's token; the bytes come the way that all others
    come, so that progress, resuming and checks are the same everywhere.
    """
    if source.base.startswith("gdrive://"):
        return f"{DRIVE}/uc?export=download&id={source.base.removeprefix('gdrive://')}", {}
    if not source.base.startswith("hf://"):
        return source.base, {}
    from huggingface_hub import constants, get_token, hf_hub_url

    kind, repo, path, revision = _hub_parts(source)
    endpoint = os.environ.get("HF_ENDPOINT") or None
    url = hf_hub_url(repo, path, repo_type=kind.rstrip("s") or None, revision=revision, endpoint=endpoint)
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return url, {"Authorization": f"Bearer {token}"} if token else {}


def _hub_parts(source: Source) -> tuple[str, str, str, str]:
    match = _HUB.fullmatch(source.base.removeprefix("hf://"))
    if match is None:
        raise CardError(f"{source.text}: is not hf://owner/repo/file@revision")
    return match[1] or "", match[2], match[3], match[4] or "main"
