"""The second stage: each inpainter fills every hole once, and the quality of each picture made of it is measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safebench.exchange.finding import exchange_name
from safebench.files import atomic_write
from safebench.keys import digest
from safebench.metrics.catalogue import features
from safebench.metrics.known_changed import LEVELS
from safebench.models.specs import ModelSpec
from safebench.protocol import SPLICED
from safebench.route.inpaint_worker import InpaintWorker
from safebench.route.job import Job
from safebench.route.link import Done, Link
from safebench.route.picture import Picture
from safebench.route.plan import Sample
from safebench.runs import schema
from safebench.work.tasks import Failure, FileRef, Item, Result

if TYPE_CHECKING:
    from safebench.metrics.perceptual import Perceptual


class InpaintLink(Link):
    """One inpainter; its pictures are those that it is to make.

    assemblies: how its output becomes pictures, in the order of `safebench.route.assemble`.
    lpips_net: the backbone that LPIPS comes from, or "" where none is at hand.
    perceptual: that backbone, one for all inpainters with what it remembers of the photos; None: the worker loads it.
    """

    spec: ModelSpec
    title = "Inpainting"
    table = "quality"
    own_steps = frozenset({"inpaint", "quality"})

    def __init__(
        self,
        job: Job,
        spec: ModelSpec,
        assemblies: Sequence[str],
        lpips_net: str = "",
        perceptual: Perceptual | None = None,
    ) -> None:
        worker = InpaintWorker(spec, job.config.device, lpips_net, job.config.metrics, tuple(assemblies))
        if perceptual is not None:
            worker.perceptual = perceptual
        super().__init__(job, spec, worker, len(assemblies))
        self.assemblies = assemblies
        self.lpips_net = lpips_net
        self._changed: dict[str, float] = {}

    def run(self, groups: Sequence[Sequence[Picture]], done: Done) -> None:
        """Fill what is missing; says how much of the known area a model that works elsewhere changed."""
        super().run(groups, done)
        if self._changed:
            most = max(self._changed, key=self._changed.__getitem__)
            mean = sum(self._changed.values()) / len(self._changed)
            self.job.watcher.note(
                f"{self.spec.label}: changed {mean:.1%} of the known pixels by more than {LEVELS} levels, at most "
                f"{self._changed[most]:.1%} ({most})"
                + ("; of a spliced picture these are the photo's" if SPLICED in self.assemblies else "")
            )

    def planned(self) -> list[Picture]:
        """The pictures that the plan asks for, those of a sample one after the other; their content is a key."""
        return [
            self._planned(sample, assembly, self.job.why_unusable(sample))
            for sample in self.job.plan.samples
            for assembly in self.assemblies
        ]

    def made(self, quality: Mapping[str, Mapping[str, Any]]) -> Iterator[list[Picture]]:
        """The pictures that were made, a list for each assembly.

        quality: what the stored rows say, by sample, inpainter_id and assembly.
        """
        for assembly in self.assemblies:
            rows = [(s, quality.get(f"{s.sample} {self.spec.identity} {assembly}")) for s in self.job.plan.samples]
            yield [self._planned(s, assembly, None).as_stored(row, self.job.store.folder) for s, row in rows]

    def key(self, picture: Picture) -> str:
        """Of the picture and the backbone."""
        return digest("quality", picture.content, self.lpips_net)

    def kept(self, picture: Picture, files: Sequence[str]) -> bool:
        """Whether the picture and what it leaves behind are there; their names follow from its key."""
        del files
        return picture.file.path.exists() and all(path.exists() for path in self._features(picture).values())

    def item(self, picture: Picture) -> Item:
        """The photo, the hole, and what is there of the pictures from an earlier run."""
        sample = picture.sample
        files = {"original": self.job.original(sample), "mask": self.job.hole(sample)}
        for assembly in self.assemblies:
            made = self._planned(sample, assembly, None)
            places = {assembly: made.file.path, **self._features(made)}
            if self.spec.label not in self.job.again:
                files |= {kind: FileRef(path) for kind, path in places.items() if path.exists()}
        called, text = exchange_name(sample.sample, sample.key), self.spec.text(sample.photo_name)
        return Item(picture.name, files, called=called, text=text)

    def row(self, picture: Picture, result: Result) -> dict[str, Any]:
        """The row of the quality table; writes the picture."""
        row: dict[str, Any] = {"key": self.key(picture), "lpips_net": self.lpips_net, **picture.columns()}
        if isinstance(result, Failure):
            figures = dict.fromkeys(("hole_ratio", *schema.metric_columns("quality", self.job.metrics)), math.nan)
            return {**row, **self._failed(result, {**figures, "composite": "", "composite_sha256": ""})}
        path = picture.file.path
        if picture.assembly in result.files:
            atomic_write(path, result.files[picture.assembly].read())
        for kind, feature in self._features(picture).items():
            if kind in result.files:
                atomic_write(feature, result.files[kind].read())
        if not math.isnan(result.values["changed"]):
            self._changed[picture.sample.sample] = result.values["changed"]
        values = result.values[picture.assembly]
        return {**row, **values, "composite": self.job.store.relative(path), "error": "", "error_step": ""}

    def _features(self, picture: Picture) -> dict[str, Path]:
        """Where lies what the picture and its original leave behind, by `ASSEMBLY NAME` and `original NAME`."""
        store = self.job.store
        of = {picture.assembly: store.relative(picture.file.path), "original": picture.sample.original}
        names = features(self.job.metrics, "composite")
        return {f"{kind} {name}": store.feature(name, path) for name in names for kind, path in of.items()}

    def _planned(self, sample: Sample, assembly: str, failure: Failure | None) -> Picture:
        """A picture that is to be made: its key is of photo, mask, size, protocol, and the model's identity, or that of
        the one picture where it comes from elsewhere."""
        other = () if assembly == SPLICED else (assembly,)
        answer = self.spec.answer(exchange_name(sample.sample, sample.key))
        key = digest("inpaint", sample.key, self.spec.identity, *other, *answer)
        name = ".".join((sample.sample, *other))
        file = FileRef(self.job.store.composite(self.spec.label, name, key))
        mask = self.job.hole(sample)
        return Picture(sample, self.spec.label, self.spec.identity, assembly, key, file, mask, failure=failure)
