"""Model cards: what is said about a model, as data (`card.toml` beside its adapter), checked on load."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from safebench.errors import CardError
from safebench.weights.published import File, HubModel

OptionValue = bool | int | float | str
"""Of an option of a model's: `--set steps=20`."""


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The paper that describes the model."""

    title: str
    authors: str
    venue: str
    year: int
    url: str = ""
    bibtex: str = ""


class Licence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Under which terms the code here and the published weights stand."""

    code: str = "MIT"
    weights: str = ""
    non_commercial: bool = False
    terms_url: str = ""


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the model takes; the engine checks it before it calls."""

    fixed_size: tuple[int, int] | None = None
    """Height and width in pixels, where the model takes no other."""
    multiple_of: int = 1
    smallest_side: int = 1
    largest_side: int | None = None
    blank_hole: bool = True
    """False only for a control that has to be shown what it must not see."""
    authors_see_hole: bool = False
    """True where the authors' own script shows their network what the hole hides: `inpaint --raw` does too."""
    reads: Literal["pixels", "files"] = "pixels"
    """`files`: the model is handed paths, since it reads more than pixels (JPEG tables, say)."""
    text: bool = False
    """True where an inpainter is told by a text what to paint: its options have `prompt` and `prompts`."""
    named: bool = False
    """True where the model works elsewhere: it is handed each picture's name in the exchange of files."""

    def untiled(self, side: int) -> str:
        """Why a detector cannot look at pictures in tiles of `side` pixels: `takes ... only`; "" where it can."""
        if self.reads == "files":
            return "reads pictures' files, which cannot be cut into tiles"
        wanted = self.unfit(side, side)
        return f"takes {wanted}" if wanted else ""

    def takes(self) -> str:
        """The sizes it takes: "at least 64 pixels a side, in multiples of 4"."""
        if self.fixed_size is not None:
            return f"{self.fixed_size[1]}x{self.fixed_size[0]} pixels only"
        least, most = self.smallest_side > 1, self.largest_side is not None
        limits = [f"at least {self.smallest_side} pixels a side"] * least
        limits += [f"at most {self.largest_side} pixels a side"] * most
        limits += [f"{'in' if least or most else 'sides that are'} multiples of {self.multiple_of}"] * (
            self.multiple_of > 1
        )
        return ", ".join(limits) or "pictures of any size"

    def unfit(self, height: int, width: int) -> str:
        """What is taken, where images of that size are not: `at least 64 pixels a side, in multiples of 4`; else ""."""
        largest = self.largest_side or max(height, width)
        fits = (
            (self.fixed_size is None or (height, width) == tuple(self.fixed_size))
            and self.smallest_side <= min(height, width) <= max(height, width) <= largest
            and height % self.multiple_of == width % self.multiple_of == 0
        )
        return "" if fits else self.takes()


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a detector's image-level score is."""

    source: Literal["head", "top1-mean", "either"] = "top1-mean"
    """`head`: the model gives it; `top1-mean`: the engine takes the mean of the map's top 1%; `either`: the model gives
    it of all pictures, or of none, and then the engine does."""
    meaning: str = ""


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The number that follows the colon of a post-processing's name: `jpeg:75`."""

    name: str
    """What the number is: "quality"."""
    lowest: float
    highest: float
    step: float = 0
    """1: whole numbers; 2: every other one from the lowest on; 0: any number."""
    milder: Literal["higher", "lower"]
    """Which numbers change a picture less; charts run from mild to strong."""
    words: tuple[str, ...] = ()
    """What may follow the number: "back" allows `resize:0.5+back`."""


class Weights(File, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One published checkpoint; a model may have several variants, the first is the default.

    A checkpoint of several files lists them as `parts`; `file` is then the name of the folder that holds them, and
    that folder is what the model is given.
    """

    variant: str = ""
    parts: tuple[File, ...] = ()
    shipped: str = ""
    """A file beside the card, trained here or made from the published one: used where the published one is not on the
    machine.  Every result says which of the two it was."""
    page: str = ""
    """Where a browser finds the authors' own files, where that is no source's address (a folder at Google Drive)."""
    trained_on: str = ""
    trained_sets: tuple[str, ...] = ()
    """The data sets that the published file learned from, by the names that `--pictures` knows, and `coco`: a run over
    one of them, or over pictures made of its photos, is told."""
    shipped_photos: str = ""
    """A file beside the card with the listing (`safebench.models.training_photos`) of what the shipped file was made
    from, so that a run on those photos is told."""
    shipped_not_for: str = ""
    """What the shipped file is not good for, in one line: pages say it."""
    note: str = ""

    @property
    def files(self) -> tuple[File, ...]:
        """The files to fetch: the parts, or the one file."""
        return self.parts or (self,)


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is said about a model; see docs/cards.md for an annotated example."""

    name: str
    aliases: tuple[str, ...] = ()
    title: str
    summary: str
    family: Literal[
        "diffusion", "patch", "transform", "network", "control", "blind", "form",
        "compression", "resampling", "smoothing", "noise", "regeneration",
    ]  # fmt: skip
    """How an inpainter fills, what a detector looks for, or what a post-processing does; `control` marks a reference
    whose answer is known, `form` a report."""
    regenerates: bool = True
    """False for an inpainter whose output outside the hole is the photo itself, so that its whole output as a picture
    (`--assembly regenerated`) means nothing."""
    version: str = "1"
    """Raised when the numbers change, so that old results are never reused, not even with `--keep-results`."""
    upstream: str = ""
    notes: str = ""
    compared: str = ""
    """With what of its authors' code the model was compared, on which weights and sizes, and how near it came, with the
    command that compares them."""
    untried: str = ""
    """What could not be tried here, such as the published weights where they could not be fetched."""
    not_for: str = ""
    """What the model is not good for, or how far its score holds, in one line: pages say it.  Weights that ship
    have their own (`Weights.shipped_not_for`)."""
    paper: Paper | None = None
    licence: Licence = Licence()
    input: Input = Input()
    score: Score = Score()
    weights: tuple[Weights, ...] = ()
    argument: Literal["variant", "file", "hub-id", "parameter", "answers", "command"] = "variant"
    """What follows the colon of `NAME:...`: one of the variants above, the path of the user's own file, the id of a
    model at the Hugging Face Hub (or a local folder), the number below, a folder of answers that were made elsewhere,
    or the file of a command that makes them (docs/exchange.md)."""
    parameter: Parameter | None = None
    suites: dict[str, tuple[str, ...]] = {}
    """Named sets of levels that papers and tools use, with this post-processing's part of each: what follows its
    colon, from mild to strong."""
    repeatable: bool = True
    """False where another machine's rounding may change the pictures that a post-processing gives (a network): then
    all of them are kept as evidence, and not computed again."""
    differentiable: bool = False
    """Of a detector: that gradients go through `detect` to its input, so that an inpainter can train against it."""
    hub: HubModel = HubModel()
    options: dict[str, OptionValue] = {}
    """What a user may set of the model (`--set KEY=VALUE`), with its defaults; an option is of its default's kind."""
    extra: str = ""
    """The optional extra of the package that the model needs, where it needs one."""

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the published checkpoints, the default first."""
        return tuple(w.variant for w in self.weights)


def parse_card(text: str, origin: str) -> Card:
    """Read a card from TOML; `origin` names it in errors.

    Raises CardError where the TOML is broken, a field is unknown, missing or of the wrong type.
    """
    try:
        return msgspec.toml.decode(text, type=Card)
    except msgspec.DecodeError as error:
        raise CardError(f"{origin}: {error}") from None


def read_card(path: Path) -> Card:
    """Read the card at `path`; raises CardError where it is missing, unreadable or breaks the schema."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"{path}: cannot be read as a model card ({error})") from None
    return parse_card(text, str(path))
