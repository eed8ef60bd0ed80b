"""Who is least detectable, and who finds most, in sentences: what the rule of `safebench.results.claims` allows.

The terminal, the report and the leaderboard say these sentences, so that none of them says more than another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from safebench.protocol import NO_POSTPROCESS, REGENERATED
from safebench.results.claims import MIN_PHOTOS, Claims, Evidence, Place
from safebench.results.traces import IMAGE, PIXEL, Cell, below_chance, trace
from safebench.results.words import Figure, figure, plural, told

_NAMED_AT_MOST = 4


class Name(str):
    """The name of a model that a sentence is about: a page sets it in bold."""

    __slots__ = ()


@dataclass(frozen=True)
class Sentence:
    """A sentence with `{}` where its parts go; parts may be hostile names, the template never is."""

    template: str
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.template.format(*self.parts)


Verdict = list[Sentence]


def least_detectable(claims: Claims, dataset: str) -> Verdict:
    """What may be said of the inpainters of a data set, all bins together."""
    tables = claims.tables
    if not len(tables.detection_cells):
        none = "No detector looked at these composites: this run measures quality alone."
        return [Sentence(none if len(tables.quality_cells) else "This run holds no figures.")]
    place = claims.place(dataset)
    ranked = claims.evidence(place)
    if not ranked:
        return _none_ranked(claims, place)
    few = [candidate for candidate in ranked if not claims.enough(candidate.pixel)]
    if few:
        return [too_few("which inpainter is least detectable", claims.photos(few[0].pixel)), *_under(few[0].pixel)]
    return [*_named(claims, ranked), *_under(ranked[0].pixel)]


def seen_on_few(claims: Claims, dataset: str) -> Verdict:
    """Where there are too few photos to name anybody: what is found most of each on these alone, in the run's order."""
    candidates = claims.evidence(claims.place(dataset)) if len(claims.tables.detection_cells) else []
    if not candidates or claims.enough(candidates[0].pixel):
        return []
    places = {name: place for place, name in enumerate(claims.tables.record.inpainters)}
    ordered = sorted(candidates, key=lambda candidate: places.get(candidate.inpainter, len(places)))
    found = [" and ".join(filter(None, (evidence(of, PIXEL), evidence(of, IMAGE)))) for of in ordered]
    lead = Sentence("What is found most on these photos, in the run's order:")
    return [lead, *(Sentence("  {}: {}", (Name(of.inpainter), text)) for of, text in zip(ordered, found, strict=True))]


def _named(claims: Claims, ranked: Sequence[Evidence]) -> Verdict:
    """Who is least detectable, or why none is."""
    if len(ranked) == 1:
        return [Sentence("One inpainter ranked: {}.", (Name(ranked[0].inpainter),)), *_what_is_found(ranked[0])]
    by_image = [candidate for candidate in ranked if candidate in _least(ranked)]
    if by_image and ranked[0] not in by_image:
        return _at_odds(ranked[0], by_image[0])
    lead = Sentence("Least detectable: {}.", (Name(ranked[0].inpainter),))
    return [lead, *_what_is_found(ranked[0]), _next(claims, ranked[0], ranked[1])]


def _none_ranked(claims: Claims, place: Place) -> Verdict:
    """Why no inpainter can be ranked: what each lacks, of the first few."""
    why = claims.unranked(place)
    named = [*why.items()][:_NAMED_AT_MOST]
    more = f", and {len(why) - len(named):,} more" if len(why) > len(named) else ""
    listed = ", ".join(["{} ({})"] * len(named)) + more
    text = f"No inpainter can be ranked: {listed or 'none has figures of all samples by all detectors'}."
    sentences = [Sentence(text, tuple(part for name, reason in named for part in (Name(name), reason)))]
    if any(claims.not_given(place[0], place[2], name) for name in why):
        together = "Makers of pictures are compared where they made them of the same photos, through the same masks."
        sentences.append(Sentence(together))
    return sentences


def _under(cell: Cell) -> Verdict:
    """The condition that a verdict is of, where it is another than spliced pictures as their maker left them."""
    told = {
        "All of this is of {} pictures, an inpainter's whole output.": cell["assembly"] == REGENERATED,
        "All of this is after post-processing by {}.": cell["postprocess"] != NO_POSTPROCESS,
    }
    parts = (cell["assembly"], cell["postprocess"])
    return [Sentence(text, (part,)) for (text, said), part in zip(told.items(), parts, strict=True) if said]


def too_few(what: str, photos: int) -> Sentence:
    """That there are too few photos to say something."""
    text = f"Too few to say {what}: {{}}, and ranking or naming takes {MIN_PHOTOS}."
    return Sentence(text, (plural(photos, "photo"),))


def finds_most(claims: Claims, cells: Sequence[Cell]) -> Verdict:
    """What may be said of detectors; `cells`: of each that may be compared, over the images of the same inpainters."""
    known = [cell for cell in cells if not math.isnan(cell[PIXEL]) and not below_chance(cell, PIXEL)]
    if not known:
        return []
    if not claims.enough(known[0]):
        return [too_few("which detector finds most", claims.photos(known[0]))]
    by_pixel, by_image = (_most(known, metric) for metric in (PIXEL, IMAGE))
    if not by_image or any(cell in by_image for cell in by_pixel):
        first = next((cell for cell in by_pixel if cell in by_image), by_pixel[0])
        text = "Finds most: {}, {}, over the images of all ranked inpainters, n = {}."
        sentence = Sentence(text, (Name(first["detector"]), _figures(first), f"{int(first['n']):,}"))
        return [sentence, *_under(first)]
    text = "No detector finds most in both ways: by pixels it is {} ({}), by whole images {} ({})."
    a, b = by_pixel[0], by_image[0]
    sentence = Sentence(text, (Name(a["detector"]), _figures(a), Name(b["detector"]), _figures(b)))
    return [sentence, *_under(a)]


def _most(cells: Sequence[Cell], metric: str) -> list[Cell]:
    values = [cell[metric] for cell in cells if not math.isnan(cell[metric])]
    return [cell for cell in cells if values and cell[metric] == max(values)]


def _least(ranked: Sequence[Evidence]) -> list[Evidence]:
    """Those of whom least is found in whole images: several where equal, none where no originals were scored."""
    known = [(trace(candidate.image, IMAGE), candidate) for candidate in ranked if candidate.image]
    least = min((value for value, _ in known), default=math.nan)
    return [candidate for value, candidate in known if value == least]


def _what_is_found(of: Evidence) -> Verdict:
    pixel = "The most that is found of it: {}"
    count = plural(int(of.pixel["n"]), "image")
    if of.image is None:
        text = pixel + ", over {}; no originals were scored, so nothing is known of whole images."
        sentences = [Sentence(text, (evidence(of, PIXEL), count))]
    else:
        sentences = [Sentence(pixel + ", {}, over {}.", (evidence(of, PIXEL), evidence(of, IMAGE), count))]
    if of.at_chance:
        none = "No detector tells it from chance: not in pixels, not by whole images, not at 5% false alarms."
        sentences.append(Sentence(none))
    return sentences


def evidence(of: Evidence, metric: str) -> str:
    """`pixel AUC 0.640 [0.612, 0.668] by blunt`."""
    cell = of.pixel if metric == PIXEL else of.image
    if cell is None:
        return ""
    misled = {PIXEL: " (inverted: it points at the background)", IMAGE: " (below chance: originals score higher)"}
    return f"{_auc(cell, metric)} by {cell['detector']}{misled[metric] if below_chance(cell, metric) else ''}"


def _figures(cell: Cell) -> str:
    aucs = [_auc(cell, metric) for metric in (PIXEL, IMAGE) if not math.isnan(cell[metric])]
    return " and ".join(aucs)


def _auc(cell: Cell, metric: str) -> str:
    auc = figure(cell, metric) or Figure(math.nan)
    return f"{'pixel' if metric == PIXEL else 'image'} AUC {told(auc)}"


def _at_odds(by_pixel: Evidence, by_image: Evidence) -> Verdict:
    """Where pixels and whole images do not name the same one, none is named."""
    text = "No inpainter is least detectable in both ways: by pixels it is {} ({}, {}), by whole images {} ({}, {})."
    parts = (
        (Name(candidate.inpainter), evidence(candidate, PIXEL), evidence(candidate, IMAGE))
        for candidate in (by_pixel, by_image)
    )
    return [Sentence(text, tuple(part for candidate in parts for part in candidate))]


def _next(claims: Claims, first: Evidence, second: Evidence) -> Sentence:
    """The runner-up, and whether the order is more than chance."""
    order = claims.order(first, second)
    known = [evidence(second, metric) for metric in (PIXEL, IMAGE) if evidence(second, metric)]
    template, parts = "Next is {} with {}", [Name(second.inpainter), " and ".join(known)]
    if not math.isnan(order.p):
        template += "; on the same images the pixel AUC of {} differs by {} (p = {})"
        parts += [second.pixel["detector"], told(order.difference), f"{order.p:.2g}"]
    elif order.settled:
        template += "; the pixel AUCs' intervals do not overlap"
    return Sentence(template + ("." if order.settled else "; their order is not settled here."), tuple(parts))
