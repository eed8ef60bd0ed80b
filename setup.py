"""What pyproject.toml cannot say: every model folder is a package and an entry point.

`inpainters/telea/` (a card.toml and an adapter.py) becomes the package `safebench_inpainters.telea` and the
entry point `telea = safebench_inpainters.telea.adapter:Adapter` in the group `safebench.inpainters`, the same door a
third party's package uses.  So a new model is one folder, and nothing else has to be edited.
The kinds of folder are those of `safebench/models/kinds.py`.
"""

import runpy
from pathlib import Path

from setuptools import find_namespace_packages, setup

KINDS = runpy.run_path("safebench/models/kinds.py")["KINDS"]
ROOMS = [kind for kind in KINDS if Path(kind.name).is_dir()]

packages = ["safebench", *(f"safebench.{name}" for name in find_namespace_packages("safebench"))]
for room in ROOMS:
    packages += [room.package, *(f"{room.package}.{name}" for name in find_namespace_packages(room.name))]

entry_points = {"console_scripts": ["safebench = safebench.cli:main"]}
for kind in KINDS:
    entry_points[kind.group] = [
        f"{card.parent.name.replace('_', '-')} = {room.package}.{card.parent.name}.{kind.entry}"
        for room in ([kind] if kind in ROOMS else ROOMS)
        for card in sorted(Path(room.name).glob("*/card.toml"))
        if (card.parent / kind.file).is_file()
    ]
setup(
    packages=[name for name in packages if "__pycache__" not in name],
    package_dir={"safebench": "safebench", **{room.package: room.name for room in ROOMS}},
    entry_points=entry_points,
)
