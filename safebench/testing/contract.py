"""What the contract suites of all kinds have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch

from safebench.models import registry
from safebench.models.options import NONE, Given
from safebench.models.specs import participant


class Contract:
    """Subclass a kind's suite, set `name` (and `weights`, where the model needs a file), and let pytest collect it.

    Where the file is made by a fixture, an autouse fixture of the subclass sets `self.weights`.
    """

    kind: ClassVar[str]
    name: str
    weights: Path | None = None
    options: Given = NONE
    """The model's, as of `--set`: fewer steps, say."""
    devices: tuple[str, ...] = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    batch: int = 4
    """How many images a call is given that is compared with single ones; 2 do for a network that takes seconds."""
    _kept: ClassVar[dict[object, Any]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._kept = {}

    @classmethod
    def teardown_class(cls) -> None:
        """Called by pytest after the last test of a class: frees what its tests shared."""
        cls._kept.clear()

    def _loaded(self, device: str = "cpu") -> Any:
        """The model as the other tests of the class have it too: large ones take longer to load than to be called."""
        return self._once(("model", device), lambda: self._load(device))

    def _once(self, what: object, make: Callable[[], Any]) -> Any:
        """What `make` gives the first time that a test of the class asks for it."""
        key = self.name, self.weights, what
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def _load(self, device: str = "cpu", seed: int = 0) -> Any:
        return participant(self.kind, self.name, self.weights, seed, given=self.options).load(device)

    def test_card_is_found_by_any_spelling_of_its_names(self) -> None:
        """Its name, its aliases, and both in capitals lead to the same entry."""
        entry, _ = registry.find(self.kind, self.name)
        for name in (entry.name, *entry.card.aliases):
            for spelling in (name, name.upper(), name.replace("-", "_")):
                assert registry.find(self.kind, spelling)[0] == entry
