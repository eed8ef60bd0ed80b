"""run.json: what was run, of what, by what.  Typed, with the number of its schema; older files are read too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from safebench.errors import StoreError
from safebench.models.adapted import Adapted
from safebench.models.code import Code
from safebench.models.specs import ModelSpec
from safebench.models.training_photos import Seen
from safebench.models.weights import card_weights
from safebench.protocol import SPLICED
from safebench.runs.config import RunConfig

SCHEMA = 2
"""1: no calls, no code of models."""


class Git(msgspec.Struct, frozen=True, kw_only=True):
    """SafeBench's checkout: its commit, and whether it held changes."""

    commit: str = ""
    dirty: bool = False


class Photos(msgspec.Struct, frozen=True, kw_only=True):
    """The photos of the plan; `fingerprint` is of their names and contents.

    independent: how many of them are independent of one another, where they are crops of fewer; None: all.
    """

    name: str = "unknown"
    title: str = ""
    licence: str = ""
    note: str = ""
    count: int | None = None
    independent: int | None = None
    ignored: int = 0
    fingerprint: str = ""


class Masks(msgspec.Struct, frozen=True, kw_only=True):
    """The masks of the plan; `outside`: how many lie in no bin; `fingerprint` is of the holes that were drawn."""

    name: str = "unknown"
    licence: str = ""
    note: str = ""
    outside: int = 0
    problems: tuple[str, ...] = ()
    fingerprint: str = ""


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """The forged pictures of a run in which no inpainter makes any.

    kind: how their layout was told.  makers: how many pictures each made.  authentic: how many authentic pictures there
    are, originals and others.  excluded: how many pictures a list left out, whose sha256 is `exclusion`.  hole: which
    side of their masks is the hole.  fingerprint: of makers, samples and the pictures' bytes.
    """

    kind: str = ""
    makers: dict[str, int] = {}
    authentic: int = 0
    excluded: int = 0
    exclusion: str = ""
    hole: str = "white"
    unlike_originals: int = 0
    """How many have an original of another size, so that nothing of their quality is measured."""
    fingerprint: str = ""


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """The paper that describes a model."""

    title: str = ""
    authors: str = ""
    venue: str = ""
    year: int | None = None
    url: str = ""


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """Under which terms a model's code and weights stand."""

    code: str = ""
    weights: str = ""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector's image-level score is."""

    source: str = ""
    meaning: str = ""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """By what a model's results were made: `settings` is all but the code; `code` is None where it is not on record."""

    identity: str
    settings: str
    code: Code | None = None


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A model that took part; what an older SafeBench did not write has a default.

    code: the model's code as it last took part.  kept: whether results of other code are kept (`--keep-results`), those
    of `kept_from` (None: not on record).  seen_in_training: how many of the run's photos the weights were made from;
    None where that is not on record.  earlier: what else the folder holds that differs by its code at most.
    """

    identity: str
    name: str = ""
    """Of the model, where the user gave it another in the tables."""
    settings: str = ""
    code: Code | None = None
    kept: bool = False
    kept_from: Code | None = None
    earlier: tuple[Made, ...] = ()
    title: str = ""
    summary: str = ""
    family: str = ""
    version: str = ""
    variant: str = ""
    package: str = ""
    licence: Licence = Licence()
    paper: Paper | None = None
    score: Score = Score()
    weights_file: str = ""
    weights_sha256: str = ""
    weights_origin: str = ""
    trained_on: str = ""
    seen_in_training: Seen | None = None
    trained_sets: tuple[str, ...] = ()
    """The data sets that the weights learned from, as far as that is on record."""
    met_sets: tuple[str, ...] = ()
    """Those among them that the run's pictures are of, or were made from."""
    adapted: Adapted | None = None
    """Of a detector that has learned from an inpainter's pictures: from which, and from how many."""
    not_good_for: str = ""
    options: dict[str, bool | int | float | str] = {}
    """Its options as they were set; of a table of texts by photo, its file's name, how many texts and their sha256."""
    precision: str = ""
    compiled: bool = False
    tile: int = 0
    """Of a detector: the side of the tiles in which it looked at pictures that are larger; 0: at all of them whole."""
    assemblies: tuple[str, ...] = (SPLICED,)
    """Of an inpainter: how its output became pictures."""
    steps: dict[str, ModelRecord] = {}
    """Of a chain of post-processing: what it does, by label, in that order."""
    repeatable: bool = True
    """Of a chain: whether any machine gives the same files."""

    @property
    def made(self) -> Made:
        """By what the results shown were made."""
        return Made(
            identity=self.identity,
            settings=self.settings or self.identity,  # before code was on record, the settings were all of an identity
            code=self.kept_from if self.kept else self.code,
        )


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One command that worked on the run; `finished` is empty where it was killed."""

    started: str
    finished: str = ""
    device: str = ""
    versions: dict[str, str] = {}

    @property
    def took(self) -> timedelta | None:
        """How long it took, where that is known."""
        try:
            return datetime.fromisoformat(self.finished) - datetime.fromisoformat(self.started)
        except ValueError:
            return None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that run.json says.

    status: `started` or `finished`.  started, finished: the whole run's, first call to last; device, platform,
    versions, git: the last call's.  calls: every command that worked on the run, in their order.
    """

    schema: int = SCHEMA
    protocol: str = "unknown"
    status: str = "unknown"
    started: str = ""
    finished: str | None = None
    calls: tuple[Call, ...] = ()
    config: RunConfig | None = None
    versions: dict[str, str] = {}
    git: Git | None = None
    device: str = ""
    platform: str = ""
    photos: Photos = Photos()
    masks: Masks = Masks()
    pictures: Pictures | None = None
    """None where inpainters made the pictures."""
    lpips_net: str = ""
    lpips_sha256: str = ""
    lpips_note: str = ""
    metrics_left_out: dict[str, str] = {}
    """Metrics that were asked for and could not be had, by key, and why."""
    inpainters: dict[str, ModelRecord] = {}
    detectors: dict[str, ModelRecord] = {}
    postprocessing: dict[str, ModelRecord] = {}
    failures: int | None = None

    def models(self, kind: str) -> dict[str, ModelRecord]:
        """The models of a kind (`safebench.models.kinds.MODELS`) by their labels, in the order of the run."""
        records: dict[str, ModelRecord] = getattr(self, kind)
        return records

    @property
    def took(self) -> timedelta:
        """How long all calls took together; one that was killed counts for nothing."""
        return sum((call.took for call in self.calls if call.took), timedelta())


def model_record(spec: ModelSpec) -> ModelRecord:
    """What run.json says of a model that takes part."""
    card, checkpoint = spec.entry.card, spec.checkpoint
    paper = card.paper
    named = checkpoint is not None and checkpoint.origin == "user"
    weights = None if named or not card.weights else card_weights(spec.entry, spec.variant)
    return ModelRecord(
        identity=spec.identity,
        name=spec.entry.name if spec.called else "",
        settings=spec.settings,
        code=spec.code,
        title=card.title,
        summary=card.summary,
        family=card.family,
        version=card.version,
        variant=spec.variant,
        package=spec.entry.package,
        licence=Licence(code=card.licence.code, weights=card.licence.weights),
        paper=Paper(title=paper.title, authors=paper.authors, venue=paper.venue, year=paper.year, url=paper.url)
        if paper
        else None,
        score=Score(source=card.score.source, meaning=card.score.meaning),
        weights_file=checkpoint.path.name if checkpoint else "",
        weights_sha256=checkpoint.sha256 if checkpoint else "",
        weights_origin=checkpoint.origin if checkpoint else "",
        trained_on=weights.trained_on if weights else "",
        not_good_for=weights.shipped_not_for
        if weights and checkpoint and checkpoint.origin == "shipped"
        else card.not_for,
        options=spec.described_options,
        precision=spec.precision,
        compiled=spec.compiled,
        tile=spec.tile,
        repeatable=card.repeatable,
    )


def read_record(data: bytes, origin: str) -> RunRecord:
    """The record in the bytes of a run.json of this schema or an older one; `origin` names the file in errors.

    Raises StoreError where it is damaged, of a newer schema, or says of a model neither what it is nor which.
    """
    try:
        said = msgspec.json.decode(data, type=dict[str, Any])
        schema = msgspec.convert(said.get("schema", 1), int)
        if schema > SCHEMA:
            raise StoreError(f"{origin}: was written by a newer SafeBench (schema {schema}); update this one")
        if schema < 1:
            raise StoreError(f"{origin}: there is no schema {schema} of run.json; the file was changed")
        for older in range(schema, SCHEMA):
            said = _UPGRADES[older](said)
        record = msgspec.convert({**said, "config": None}, RunRecord)
        return msgspec.structs.replace(record, config=_config(said.get("config"), record))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # a value of another type is a DecodeError too
        raise StoreError(f"{origin}: cannot be read ({error}); remove it and run again, it is written anew") from None


def _config(said: Any, record: RunRecord) -> RunConfig | None:
    """The options, but for those that this SafeBench does not know; None where they cannot be this one's."""
    if not isinstance(said, dict):
        return None
    known = {name: said[name] for name in RunConfig.__struct_fields__ if name in said}
    try:
        return msgspec.convert({"inpainters": [*record.inpainters], **known}, RunConfig)
    except msgspec.ValidationError:
        return None


def _from_first(said: dict[str, Any]) -> dict[str, Any]:
    """Schema 1 knew of the last call alone."""
    fields = ("started", "finished", "device", "versions")
    call = {name: said[name] for name in fields if said.get(name)}
    return {**said, "schema": 2, "calls": [call] if "started" in call else []}


_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_first}
