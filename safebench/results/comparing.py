"""Which runs may stand in one table: only those that measured the same things on the same pictures.

Runs are like where the protocol, the photos, the masks, the size and the LPIPS backbone agree by their fingerprints
in run.json.  Like runs are merged row by row, so that a merged table's figures are those of one run that did it all.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from msgspec import structs

from safebench.keys import digest
from safebench.models import kinds
from safebench.protocol import NATIVE, NO_POSTPROCESS, ORIGINAL
from safebench.results.privacy import cleaned, cleaned_columns, cleaned_struct
from safebench.results.results import Results, Tables
from safebench.runs.store import Store

Names = dict[str, str]
"""What a model is called in one run, to what it is called beside the others."""

_MODELS = {kind.name: kind.column for kind in kinds.MODELS}


@dataclass(frozen=True)
class Terms:
    """What has to agree; each as it is shown, and by which fingerprint it is compared."""

    labels: Mapping[str, str]
    fingerprints: tuple[str, ...]

    def differences(self, other: Terms) -> list[str]:
        """What keeps two from standing in one table: `photos (sample, 12 against sample, 8)`.

        Other photos get other holes, so that masks of one name are then left out.
        """
        pairs = zip(self.labels.items(), self.fingerprints, other.labels.values(), other.fingerprints, strict=True)
        differing = {
            name: f"{name} ({mine} against {theirs})" if mine != theirs else f"{name} (both {mine}, of other content)"
            for (name, mine), its_print, theirs, other_print in pairs
            if its_print != other_print
        }
        if "photos" in differing and self.labels["masks"] == other.labels["masks"]:
            differing.pop("masks", None)
        return list(differing.values())


@dataclass(frozen=True)
class Source:
    """One run of a group: its name, its results as opened, and what its models are called in the group."""

    label: str
    results: Results
    names: Mapping[str, Names]


@dataclass(frozen=True)
class Group:
    """Runs that are like, and their rows together; of several runs, the column `run` says whose a row is."""

    terms: Terms
    sources: tuple[Source, ...]
    tables: Tables


def terms(tables: Tables) -> Terms:
    """The terms of a run, from its run.json and its plan; what an old one does not say is unknown."""
    record = tables.record
    count = "unknown" if record.photos.count is None else record.photos.count
    labels = {
        "protocol": record.protocol,
        "photos": f"{record.photos.name}, {count}",
        "masks": record.masks.name,
        "size": size_in_words(record.config.size) if record.config else "unknown",
        "LPIPS backbone": record.lpips_net or "none",
    }
    labels = {name: str(cleaned(value)) for name, value in labels.items()}
    fingerprints = (
        labels["protocol"],
        " ".join(filter(None, (record.photos.fingerprint, record.pictures.fingerprint if record.pictures else ""))),
        f"{record.masks.fingerprint} {digest(list(tables.samples['key']))}",
        labels["size"],
        f"{record.lpips_net} {record.lpips_sha256}",
    )
    return Terms(labels, fingerprints)


def size_in_words(size: int | str) -> str:
    """`256 pixels`, or `each its own` where pictures keep theirs."""
    return "each its own" if size == NATIVE else f"{size} pixels"


def group(results: Sequence[Results]) -> list[Group]:
    """The runs sorted into those that are like, in the order in which they come; local paths are taken out of names."""
    labels = run_labels(results)
    alike: dict[tuple[str, ...], list[tuple[str, Results]]] = defaultdict(list)
    terms_of: dict[tuple[str, ...], Terms] = {}
    for label, run in zip(labels, results, strict=True):
        said = terms(run)
        alike[said.fingerprints].append((label, run))
        terms_of.setdefault(said.fingerprints, said)
    return [_merged(terms_of[fingerprints], runs) for fingerprints, runs in alike.items()]


def run_labels(results: Sequence[Results]) -> list[str]:
    """The runs' names, told apart where two share one."""
    names = Counter(run.name for run in results)
    seen: Counter[str] = Counter()
    labels = []
    for run in results:
        seen[run.name] += 1
        labels.append(run.name if names[run.name] == 1 else f"{run.name} ({seen[run.name]})")
    return labels


def _merged(said: Terms, runs: list[tuple[str, Results]]) -> Group:
    sources = tuple(_named(runs))
    parts = [_renamed(source) for source in sources]
    if len(parts) == 1:
        return Group(said, sources, parts[0])
    metrics = sorted({metric.key for part in parts for metric in part.metrics if not metric.default})
    configs = [part.record.config for part in parts if part.record.config]
    record = structs.replace(
        parts[0].record,
        config=structs.replace(configs[0], metrics=tuple(metrics)) if configs else None,
        status="finished" if all(part.record.status == "finished" for part in parts) else "unfinished",
        **{kind: {k: v for part in parts for k, v in part.record.models(kind).items()} for kind in _MODELS},
    )
    keys = ["inpainter", "assembly"]
    quality = _together(sources, [part.quality for part in parts], keys)
    detection = _together(sources, [part.detection for part in parts], [*keys, "postprocess", "detector"])
    stores = {source.label: Store(source.results.folder) for source in sources}
    return Group(said, sources, Tables(record, parts[0].samples, quality, detection, stores))


def _together(sources: Sequence[Source], frames: Sequence[pd.DataFrame], key: list[str]) -> pd.DataFrame:
    """All rows with their `run`, one for each key: the first that went well, else the first."""
    named = [frame.assign(run=source.label) for source, frame in zip(sources, frames, strict=True)]
    rows = pd.concat(named, ignore_index=True)
    order = rows["error"].fillna("").ne("").to_numpy().argsort(kind="stable")
    return rows.iloc[order].drop_duplicates(["sample_key", *key]).sort_index().reset_index(drop=True)


def _named(runs: list[tuple[str, Results]]) -> Iterator[Source]:
    """Two models of one name and different weights, answers, version or seed are told apart by their run."""
    identities: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for _, run in runs:
        for kind in _MODELS:
            for name, model in run.record.models(kind).items():
                identities[kind, name].add((model.identity, model.weights_sha256))
    for label, run in runs:
        names = {
            kind: {
                name: cleaned(name) + (f" ({label})" if len(identities[kind, name]) > 1 else "")
                for name in run.record.models(kind)
            }
            for kind in _MODELS
        }
        yield Source(label, run, names)


def _renamed(source: Source) -> Tables:
    """A copy of the run's tables under the group's names, without local paths."""
    tables: Tables = copy.copy(source.results)  # with the cells, where they are computed already
    record = cleaned_struct(tables.record)
    frames = {name: cleaned_columns(getattr(tables, name), ("error",)) for name in ("quality", "detection")}
    for kind, column in _MODELS.items():
        names = source.names[kind]
        models = {names[name]: cleaned_struct(model) for name, model in tables.record.models(kind).items()}
        record = structs.replace(record, **{kind: models})
        if any(name != given for name, given in names.items()):
            known = {**names, ORIGINAL: ORIGINAL, NO_POSTPROCESS: NO_POSTPROCESS}
            frames = {n: f.assign(**{column: f[column].map(known)}) if column in f else f for n, f in frames.items()}
    if all(frame is getattr(tables, name) for name, frame in frames.items()):
        tables.record = record
        return tables
    stores = {"": Store(source.results.folder)}
    return Tables(record, tables.samples, frames["quality"], frames["detection"], stores)
