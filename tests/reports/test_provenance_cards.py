"""Of post-processing the report has a card for each step, not for each chain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from safebench_reports._common.provenance import cards

from safebench.route.chains import choose_chains


def test_a_step_has_one_card_and_the_picture_as_it_is_none():
    chains = choose_chains(["none", "jpeg:75", "resize:0.5+jpeg:75"], {}, 0)
    models = {"postprocessing": {chain.label: chain.record() for chain in chains}}
    run: Any = SimpleNamespace(models=lambda kind: models.get(kind, {}))
    made = [card for card in cards(run) if card.kind == "postprocessing"]
    assert [(card.name, card.title, card.family) for card in made] == [
        ("jpeg:75", "JPEG compression", "compression"),
        ("resize:0.5", "Resizing", "resampling"),
    ]
    assert not [fact for card in made for fact in card.facts if fact[0] in ("steps", "assemblies")]
