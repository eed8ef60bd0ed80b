"""The gallery: a report, a leaderboard and a head to head of a small run on the built-in photos, made by the build.

The commands on the page are those that are run.  What they made is kept, and made anew where the suite has changed.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from safebench.inputs.photos.sample import SOURCES

ROOT = Path(__file__).resolve().parents[2]
PAGE = """# Gallery

Pages as SafeBench writes them, of the suite {suite} on the built-in photos:

- [Report](gallery/report/index.html): what a run found, in words, tables, charts and pictures.
- [Leaderboard](gallery/leaderboard/index.html): the inpainters and the detectors ranked.
- [Head to head](gallery/leaderboard/head-to-head.html): any two on the same images.

They are made by

```
{commands}
```

and copied here as they are. `sample` is for trying things out: its crops come from six photos, so read no ranking into
these pages. The photos, cut to squares and filled by the inpainters:

| photo | terms |
| --- | --- |
{photos}
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Make the gallery, and add its page and what that leads to."""
    suite, folder = _places(config)
    commands = _commands(suite, folder)
    _make(commands, suite, folder)
    for name, made in _sites(folder).items():
        for path in sorted(made.glob("*.html")):
            files.append(File.generated(config, f"gallery/{name}/{path.name}", abs_src_path=str(path)))
    page = PAGE.format(
        suite=f"[{suite.name}](../{suite})" if (ROOT / suite).is_relative_to(ROOT) else suite.name,
        commands="\n".join(map(shlex.join, commands)),
        photos="\n".join(f"| {source.name} | {source.licence} |" for source in SOURCES),
    )
    files.append(File.generated(config, "gallery.md", content=page))
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """Copy what the gallery's pages use; MkDocs would make pages of the tables that are Markdown."""
    _, folder = _places(config)
    for name, made in _sites(folder).items():
        shutil.copytree(made, Path(config.site_dir) / "gallery" / name, dirs_exist_ok=True)


def _places(config: MkDocsConfig) -> tuple[Path, Path]:
    """The suite that is run, and the folder in which; as they are written on the page."""
    gallery = config.extra["gallery"]
    return Path(gallery["suite"]), Path(gallery["folder"])


def _sites(folder: Path) -> dict[str, Path]:
    """What is shown: where in the site, and where it was made."""
    return {"report": ROOT / folder / "run" / "report", "leaderboard": ROOT / folder / "leaderboard"}


def _commands(suite: Path, folder: Path) -> list[list[str]]:
    run = str(folder / "run")
    return [
        ["safebench", "run", str(suite), "--out", run],
        ["safebench", "leaderboard", run, "--out", str(folder / "leaderboard")],
    ]


def _make(commands: list[list[str]], suite: Path, folder: Path) -> None:
    """Run the commands in the repository's root.  Raises PluginError, which ends the build, where one fails."""
    kept = ROOT / folder / "suite.toml"
    wanted = (ROOT / suite).read_text("utf-8")
    if not kept.is_file() or kept.read_text("utf-8") != wanted:
        shutil.rmtree(ROOT / folder, ignore_errors=True)
    for command in commands:
        here = [sys.executable, "-m", *command]
        ended = subprocess.run(here, cwd=ROOT, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise PluginError(f"the gallery was not made: {shlex.join(command)}\n{ended.stdout}{ended.stderr}")
    kept.write_text(wanted, "utf-8")
