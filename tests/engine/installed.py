"""A third party's distribution, written where Python finds it as pip would have, so that a test can change its code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safebench.models import registry

CARD = 'name = "flat"\ntitle = "Flat"\nsummary = "Fills with gray."\nfamily = "diffusion"\n'
ADAPTER = '''"""Fills with one gray."""

from flat_plugin._shades import SHADE
from safebench.models.contracts import Inpainter


class Adapter(Inpainter):
    """One gray for every hole."""

    def inpaint(self, images, masks):
        """See the contract."""
        return images * (1 - masks) + SHADE * masks
'''
FILES = {
    "flat_plugin/__init__.py": "",
    "flat_plugin/_shades.py": "SHADE = 0.25  # dark\n",
    "flat_plugin/_unused.py": "OTHER = 1\n",
    "flat_plugin/flat/__init__.py": "",
    "flat_plugin/flat/card.toml": CARD,
    "flat_plugin/flat/adapter.py": ADAPTER,
    "flat_plugin/flat/recipe.py": "from . import losses\n",
    "flat_plugin/flat/losses.py": "WEIGHT = 1\n",
    "flat_plugin/flat/table.csv": "1,2\n",
    "flat_plugin/flat/notes.md": "Notes.\n",
}
_POINTS = "[safebench.inpainters]\nflat = flat_plugin.flat.adapter:Adapter\n"


class Plugin:
    """The distribution in the folder `site`."""

    def __init__(self, site: Path) -> None:
        self.site = site
        for name, text in FILES.items():
            self.write(name, text)
        self.set_version("0.1")

    def write(self, name: str, text: str) -> None:
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.site / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def set_version(self, version: str) -> None:
        about = "flat_plugin-0.dist-info"
        self.write(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: flat-plugin\nVersion: {version}\n")
        self.write(f"{about}/entry_points.txt", _POINTS)
        self.write(f"{about}/top_level.txt", "flat_plugin\n")

    def entry(self) -> registry.Entry:
        return registry.find("inpainters", "flat")[0]


@contextmanager
def as_a_new_process(site: Path) -> Iterator[None]:
    """What a process that starts now knows of the distribution in `site`: nothing is imported, no card is read."""
    forget()
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        forget()


def forget() -> None:
    """Forget the distribution's modules, and the cards that were read."""
    registry.refresh()
    for name in [name for name in sys.modules if name.partition(".")[0] == "flat_plugin"]:
        del sys.modules[name]
