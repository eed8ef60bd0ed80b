"""What pyproject.toml cannot say: every model folder is a package and an entry point.

`inpainters/telea/` (a card.toml and an adapter.py) becomes the package `safebench_inpainters.telea` and the
entry point `telea = safebench_inpainters.telea.adapter:Adapter` in the group `safebench.inpainters`, the same door a
third party's package uses.  So a new model is one folder, and nothing else has to be edited.
"""

from pathlib import Path

from setuptools import find_namespace_packages, setup

KINDS = ("inpainters", "detectors", "reports")

packages = ["safebench", *(f"safebench.{name}" for name in find_namespace_packages("safebench"))]
entry_points = {"console_scripts": ["safebench = safebench.cli:main"], "safebench.recipes": []}
for folder in KINDS:
    package = f"safebench_{folder}"
    packages += [package, *(f"{package}.{name}" for name in find_namespace_packages(folder))]
    cards = sorted(Path(folder).glob("*/card.toml"))
    entry_points[f"safebench.{folder}"] = [
        f"{card.parent.name.replace('_', '-')} = {package}.{card.parent.name}.adapter:Adapter" for card in cards
    ]
    entry_points["safebench.recipes"] += [
        f"{recipe.parent.name.replace('_', '-')} = {package}.{recipe.parent.name}.recipe:Recipe"
        for recipe in sorted(Path(folder).glob("*/recipe.py"))
    ]
setup(packages=[name for name in packages if "__pycache__" not in name], entry_points=entry_points)
