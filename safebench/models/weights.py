"""Where a model's checkpoint comes from: what the user names, the package, the cache, the card's sources.

Nothing here opens a checkpoint (see `safebench.weights.read.checkpoints`): it is found, fetched, and its bytes are
compared.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from filelock import FileLock, Timeout

from safebench.errors import UnknownNameError, WeightsError
from safebench.exchange.finding import answers_folder, find_answers
from safebench.exchange.settings import read_command
from safebench.files import atomic_write, cache_folder, expanded, file_error
from safebench.keys import plain
from safebench.models import checksums, licences, parameters
from safebench.models.cards import Weights
from safebench.models.expected_bytes import difference, places, recorded, sum_file, sum_of_all, sums_of
from safebench.models.registry import Entry
from safebench.weights.fetch import downloads, hub, sources, transfers
from safebench.weights.published import File
from safebench.weights.read.mistaken import check_stands_for_itself

__all__ = [
    "Checkpoint",
    "at_hand",
    "cache_folder",
    "cached_path",
    "card_weights",
    "find",
    "is_shipped",
    "missing",
    "published",
    "pull",
]

_NAMED = 4
"""Of a checkpoint's files, in a sentence."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk (a file, or a folder of several), the sha256 of its bytes, and whose it is.

    origin: `published` by the authors, `shipped` with the package, or the `user`'s own.
    answers: of a folder of answers, the sha256 of each by the name of its picture.  read_as: the sha256 of how they are
        to be read: such a model counts picture by picture, so that one file more leaves the results of the others.
    shard: so many pictures a call, where the user's file says it; 0: as for any model.
    remark: what the user should know of it before anything is run.
    """

    path: Path
    sha256: str
    origin: Literal["published", "shipped", "user"] = "user"
    answers: Mapping[str, str] | None = None
    read_as: str = ""
    shard: int = 0
    remark: str = ""

    @property
    def identity(self) -> str:
        """What all results of the model depend on."""
        return self.sha256 if self.answers is None else self.read_as


def find(
    entry: Entry, variant: str = "", named: Path | None = None, *, fetch: bool = False, shipped: bool = True
) -> Checkpoint | None:
    """The checkpoint of a model: the file or folder `named` by the user, else what is at hand.

    What is at hand is the published one, or, with `shipped`, the one that ships with the package.  With `fetch`, one
    that is missing is fetched if its terms allow that.  None for a model that has no weights.
    Raises WeightsError where there should be one and is none, or where its bytes are not those that were expected.
    """
    if entry.card.argument == "parameter":
        return None
    if entry.card.argument != "variant":
        return _find_argument(entry, variant, named, fetch)
    if named is not None:
        return _check_named(entry, named)
    weights = card_weights(entry, variant)
    if weights is None:
        return None
    path = published(entry, weights)
    if path is None and shipped and (beside := _shipped(entry, weights)) is not None:
        return Checkpoint(beside, checksums.of_file(beside), "shipped")
    if path is None:
        if not fetch:
            raise WeightsError(missing(entry, weights))
        _check_fetchable(entry, weights)
        path = pull(entry, weights)
    sums = sums_of(weights, path)
    if wrong := difference(weights, path, sums):
        raise WeightsError(f"{entry.name}: {wrong}; delete it and fetch it again, or name it with --weights")
    return Checkpoint(path, sum_of_all(weights, sums), "published")


def check(entry: Entry, variant: str = "", named: Path | None = None) -> None:
    """Raise what `find` with `fetch` would raise, as far as that is known without reading or fetching a checkpoint."""
    if entry.card.argument == "parameter":
        parameters.parse(entry.card, variant)
    elif entry.card.argument != "variant":
        _argument(entry, variant, named)
    elif named is not None:
        _named_files(entry, named)
    elif (weights := card_weights(entry, variant)) is not None and at_hand(entry, weights) is None:
        _check_fetchable(entry, weights)


def card_weights(entry: Entry, variant: str) -> Weights | None:
    """What the card says of a variant's checkpoint; None for a model without weights and no variant asked for.

    Raises UnknownNameError where the card lists no such variant.
    """
    if not variant:
        return next(iter(entry.card.weights), None)
    match = [w for w in entry.card.weights if plain(w.variant) == plain(variant)]
    if not match:
        listed = ", ".join(v for v in entry.card.variants if v) or "none"
        raise UnknownNameError(f"{entry.name} has no variant '{variant}'; its variants: {listed}")
    return match[0]


def at_hand(entry: Entry, weights: Weights) -> Path | None:
    """Where a checkpoint lies on this machine, the published one or else the shipped one, or None."""
    return published(entry, weights) or _shipped(entry, weights)


def published(entry: Entry, weights: Weights) -> Path | None:
    """Where the published checkpoint lies (beside its card where that is its source, or in the cache), or None."""
    packed = [entry.folder / s.removeprefix("package:") for s in weights.sources if s.startswith("package:")]
    for path in (*packed, cached_path(entry, weights)):
        if all(part.exists() for part in places(weights, path)):
            return path
    return None


def is_shipped(entry: Entry, weights: Weights, path: Path) -> bool:
    """Whether a checkpoint at hand is the one that ships with the package, not the published one."""
    return bool(weights.shipped) and path == entry.folder / weights.shipped


def _shipped(entry: Entry, weights: Weights) -> Path | None:
    path = entry.folder / weights.shipped
    return path if weights.shipped and path.is_file() else None


def cached_path(entry: Entry, weights: Weights) -> Path:
    """Where a checkpoint is kept once it was fetched, or put by hand."""
    return cache_folder() / "weights" / entry.name / (weights.variant or "default") / weights.file


def pull(entry: Entry, weights: Weights) -> Path:
    """Fetch a checkpoint into the cache, showing progress; what is there already is left as it is.

    Raises WeightsError where its terms were not agreed to, or where no source gives the file that was expected.
    """
    if not _may_be_fetched(entry, weights):
        raise WeightsError(missing(entry, weights))
    path = cached_path(entry, weights)
    try:
        for file, target in zip(weights.files, places(weights, path), strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            with _alone(target):  # of two processes at once, the second finds it done
                if not target.exists():
                    _pull_file(entry, file, target, weights.page)
        sources.forget_archives(target.parent)
    except OSError as error:
        raise WeightsError(
            f"{entry.name}: the cache cannot keep its weights: {file_error(error, path)} (SAFEBENCH_CACHE names it)"
        ) from None
    return path


def missing(entry: Entry, weights: Weights) -> str:
    """The sentence for a checkpoint that is not at hand: what, under which terms, how to get it, where to put it."""
    name = f"{entry.name}:{weights.variant}" if weights.variant not in ("", entry.card.variants[0]) else entry.name
    flag = "" if licences.accepted(entry) else " --accept-licence"
    wanted = _names(weights)
    if all(_fetchable(file) for file in weights.files):
        offline = f" (once {downloads.OFFLINE} is no longer set)" if os.environ.get(downloads.OFFLINE) else ""
        way = f"fetch them with: safebench weights pull {name}{flag}{offline}; or put"
    else:
        place = weights.page or entry.card.upstream or "the authors"
        way = f"no source is published that could be fetched; get them from {place}, put"
    return (
        f"{entry.name}: its weights ({wanted}) are not on this machine; terms: {licences.terms(entry)}; {way} "
        f"{'the files into' if weights.parts else 'the file at'} {cached_path(entry, weights)}, or name "
        f"{'the folder that holds them' if weights.parts else 'it'} with --weights {name}=PATH"
    )


def _check_fetchable(entry: Entry, weights: Weights) -> None:
    if os.environ.get(downloads.OFFLINE) or not _may_be_fetched(entry, weights):
        raise WeightsError(missing(entry, weights))


def _may_be_fetched(entry: Entry, weights: Weights) -> bool:
    return licences.accepted(entry) and all(_fetchable(file) for file in weights.files)


def _fetchable(file: File) -> list[str]:
    return [source for source in file.sources if not source.startswith("package:")]


def _names(weights: Weights) -> str:
    """The names of a checkpoint's files; of many the first ones."""
    names = [file.file for file in weights.files]
    shown = names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return " and ".join(shown)


def _check_named(entry: Entry, named: Path) -> Checkpoint:
    named, weights = _named_files(entry, named)
    if weights is None:
        return Checkpoint(named, checksums.of_folder(named) if named.is_dir() else checksums.of_file(named))
    return Checkpoint(named, sum_of_all(weights, sums_of(weights, named)))


def _named_files(entry: Entry, named: Path) -> tuple[Path, Weights | None]:
    """What the user named, and what the card says of such a checkpoint; raises WeightsError where it is none."""
    said, named = f"--weights {entry.name}={named}", expanded(named)
    if not (named.is_file() or named.is_dir()):
        raise WeightsError(f"{said}: {'is neither a file nor a folder' if named.exists() else 'there is no such file'}")
    weights = next(iter(entry.card.weights), None)
    if weights is None:
        return named, None
    wanted = _names(weights)
    if weights.parts and _is_trained_file(entry, named):
        check_stands_for_itself(named)
        return named, None
    if weights.parts and not all(place.is_file() for place in places(weights, named)):
        lacking = next(place.name for place in places(weights, named) if not place.is_file())
        why = "is a file" if named.is_file() else f"{lacking} is not there"
        raise WeightsError(f"{said}: has to be the folder that holds {wanted}; {why}")
    if named.is_dir() and not weights.parts:
        raise WeightsError(f"{said}: is a folder; name the file in it ({wanted}, say)")
    for place in places(weights, named):
        check_stands_for_itself(place)
    return named, weights


def _is_trained_file(entry: Entry, named: Path) -> bool:
    """Whether a file can hold all that the card otherwise lists in parts: what is trained here, as one variant says."""
    parts = {part.file for weights in entry.card.weights for part in weights.parts}
    return named.is_file() and named.name not in parts and any(not weights.parts for weights in entry.card.weights)


def _argument(entry: Entry, argument: str, named: Path | None) -> str:
    """What follows the colon of `NAME:...`, or what `--weights` named; raises WeightsError where that is none."""
    given = str(named or argument or entry.card.hub.model)
    if entry.card.argument == "hub-id":
        if not given:
            raise WeightsError(f"{entry.name}: say which model, as {entry.name}:OWNER/MODEL or {entry.name}:FOLDER")
        return given
    if entry.card.argument == "answers":
        if not given:
            raise WeightsError(f"{entry.name}: say which folder, as {entry.name}:DIR")
        if not expanded(given).is_dir():
            raise WeightsError(f"{entry.name}:{given}: is no folder; name the folder of the answers")
        answers_folder(expanded(given), entry.kind)
        return given
    if not given:
        what = "command" if entry.card.argument == "command" else "network"
        raise WeightsError(f"{entry.name}: say which {what}, as {entry.name}:FILE")
    if not (path := expanded(given)).is_file():
        raise WeightsError(f"{entry.name}:{given}: {'is no file' if path.exists() else 'there is no such file'}")
    if entry.card.argument == "command":
        read_command(path, entry.kind)
    return given


def _find_argument(entry: Entry, argument: str, named: Path | None, fetch: bool) -> Checkpoint:
    """The user's own file with its settings beside it, answers or a command, or a model of the Hub."""
    given = _argument(entry, argument, named)
    if entry.card.argument == "hub-id":
        folder = _hub_folder(entry, given, fetch and not os.environ.get(downloads.OFFLINE))
        return Checkpoint(folder, checksums.of_folder(folder), "published" if given == entry.card.hub.model else "user")
    path = expanded(given)
    if entry.card.argument == "answers":
        folder = answers_folder(path, entry.kind).resolve()
        read_as, answers = checksums.of_answers(folder, entry.kind, find_answers(folder))
        return Checkpoint(folder, checksums.combined({"": read_as, **answers}), answers=answers, read_as=read_as)
    if entry.card.argument == "command":
        path = path.resolve()  # the command is started in its folder
        command = read_command(path, entry.kind)
        return Checkpoint(path, checksums.of_command(path, entry.kind), shard=command.shard, remark=command.remark)
    return Checkpoint(path, checksums.of_network(path))


def _hub_folder(entry: Entry, given: str, fetch: bool) -> Path:
    """The folder of a model of the Hub; the one that the card names is fetched only under terms that were agreed to."""
    gated = given == entry.card.hub.model and not licences.accepted(entry)
    try:
        if given != entry.card.hub.model or not entry.card.hub.beside:
            return hub.snapshot(given, entry.name, entry.card.hub, fetch=fetch and not gated)
        return hub.together(entry.name, entry.card.hub, cache_folder() / "hub" / entry.name, fetch=fetch and not gated)
    except WeightsError:
        if not gated:
            raise
    raise WeightsError(
        f"{entry.name}: its weights ({given}) are not on this machine; terms: {licences.terms(entry)}; agree to them "
        f"and fetch with: safebench weights pull {entry.name} --accept-licence; or name a folder, {entry.name}:FOLDER"
    )


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    lock = FileLock(target.with_name(f".{target.name}.lock"))
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        transfers.note(f"{target.name}: another process is fetching it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _pull_file(entry: Entry, file: File, target: Path, page: str) -> None:
    expected = file.sha256 or recorded(target)
    try:
        with transfers.shown(f"{entry.name}: {file.file}") as progress:
            sources.fetch(msgspec.structs.replace(file, sha256=expected), target, progress)
    except downloads.DownloadError as error:
        pages = " or ".join([sources.parse(text).by_hand for text in _fetchable(file)] + [page] * bool(page))
        raise WeightsError(
            f"{entry.name}: {file.file} could not be fetched: {error}; "
            f"get it by hand from {pages} and put it at {target}"
        ) from None
    if not expected:
        sha256 = downloads.digest(target)
        atomic_write(sum_file(target), f"{sha256}  {target.name}\n".encode())
        transfers.note(f"{target.name}: no checksum is published; recorded sha256 {sha256}")
