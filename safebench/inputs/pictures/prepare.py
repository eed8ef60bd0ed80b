"""Getting published sets of forged pictures: none may be downloaded for somebody, so what the user has is checked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from safebench.files import expanded
from safebench.inputs.photos.locations import location, record
from safebench.inputs.pictures.published_set import PublishedSet


def prepare_pictures(published: PublishedSet, source: Path | None) -> list[str]:
    """Check what lies in `source`, and remember its place; without one, check what is there already.

    Returns what was found, one line for each thing.  Raises DataError, with where to get the set, where it is not
    there.
    """
    place = expanded(source) if source is not None else location(published.base)
    found = published.read(place)
    if source is not None:
        record(published.base, place)
    makers = Counter(picture.generator for picture in found.forged)
    lacking = sum(picture.mask is None for picture in found.forged)
    paired = sum(picture.original != "" for picture in found.forged)
    return [
        f"{published.name}: {found.note}, in {place}",
        f"forged: {', '.join(f'{name} {count:,}' for name, count in sorted(makers.items()))}",
        f"with a mask: {len(found.forged) - lacking:,}; with their original: {paired:,}; authentic pictures: "
        f"{len(found.authentic):,}",
        *found.remarks,
    ]
