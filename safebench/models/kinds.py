"""The kinds of folder that the engine finds through entry points: one record each, and everything loops over them.

This module imports nothing of SafeBench, since `setup.py` reads it before there is a torch.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Kind:
    """One kind: what its things are called, where they lie, and what they have to be.

    name: as `safebench list NAME` takes it and run.json's key; also the folder of the checkout that holds
        a folder for each.
    singular: what one is called in a sentence.
    contract: the dotted name of the class that an adapter subclasses, `package.module:Class`.
    suite: likewise, the contract suite that any of its kind can be held against; "" where there is none.
    column: the column of a run's tables that names which one it was; "" for what takes no part in a run.
    entry: the module and class beside the card that the entry point names.
    title: the heading of its list, where that is not simply its name.
    """

    name: str
    singular: str
    contract: str
    suite: str = ""
    column: str = ""
    entry: str = "adapter:Adapter"
    title: str = ""

    @property
    def group(self) -> str:
        """The entry points' group, through which a third party's are found too."""
        return f"safebench.{self.name}"

    @property
    def package(self) -> str:
        """What its folder of the checkout is installed as: the plain names belong to others."""
        return f"safebench_{self.name}"

    @property
    def file(self) -> str:
        """The file beside the card that makes a folder one of this kind."""
        return self.entry.partition(":")[0] + ".py"

    @property
    def heading(self) -> str:
        """The heading of its list."""
        return self.title or self.name.capitalize()

    def load_contract(self) -> type[Any]:
        """The class that an adapter has to be a subclass of."""
        module, _, name = self.contract.partition(":")
        loaded: type[Any] = getattr(importlib.import_module(module), name)
        return loaded


KINDS: Final = (
    Kind(
        "inpainters",
        "inpainter",
        contract="safebench.models.contracts:Inpainter",
        suite="safebench.testing:InpainterContract",
        column="inpainter",
    ),
    Kind(
        "detectors",
        "detector",
        contract="safebench.models.contracts:Detector",
        suite="safebench.testing:DetectorContract",
        column="detector",
    ),
    Kind(
        "postprocessing",
        "post-processing",
        contract="safebench.models.contracts:PostProcessing",
        suite="safebench.testing:PostProcessingContract",
        column="postprocess",
        title="Post-processing",
    ),
    Kind(
        "recipes",
        "recipe",
        contract="safebench.models.contracts:Recipe",
        entry="recipe:Recipe",
        title="Recipes (safebench train)",
    ),
    Kind("reports", "report", contract="safebench.results.report_format:ReportFormat"),
)

MODELS: Final = tuple(kind for kind in KINDS if kind.column)
"""Those that take part in a run: they have weights or a parameter, a seed, and an identity in run.json."""


def kind(name: str) -> Kind:
    """The kind of that name; raises KeyError where there is none, which is a mistake of the code."""
    return {known.name: known for known in KINDS}[name]
