"""`safebench run` at the terminal: progress, the summary, the report's path."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from safebench.cli.cells import tables
from safebench.cli.progress import watching
from safebench.commands.running import execute
from safebench.errors import ExitStatus
from safebench.keys import plain
from safebench.results.claims import Claims
from safebench.results.learning import learning_curves, said_of
from safebench.results.reporting import write_report
from safebench.results.results import Results
from safebench.results.verdict import least_detectable, seen_on_few
from safebench.runs.config import RunConfig
from safebench.runs.failures import in_words
from safebench.runs.provenance import caveats

_OF_THIS_RUN = frozenset({"inpainters", "detectors", "images", "limit", "out", "rerun", "keep_results"})
_MEANS = "all bins (mean [95% interval])"


def run_and_report(config: RunConfig, *, as_json: bool = False) -> ExitStatus:
    """Run, print the summary, write the HTML report into the run's folder and print its path.

    as_json: print both as one JSON object instead.  Returns FAILURES where a sample failed.
    """
    console = Console(stderr=True)
    with watching(console) as watcher:
        results = execute(config, watcher)
    if not as_json:
        summarise(results, Console())
    page = write_report([results], results.folder / "report", "html")
    if as_json:
        sys.stdout.write(json.dumps({**_summary(results), "report": str(page)}, indent=1) + "\n")
    else:
        for line in (f"Report: {page}", *_next(config)):
            Console(soft_wrap=True).print(line, highlight=False, markup=False)
    return ExitStatus.FAILURES if len(results.failures) else ExitStatus.DONE


def _summary(results: Results) -> dict[str, Any]:
    """What `summarise` prints, as data: cells of all bins together, a missing figure as null."""
    claims = Claims(results.of_one_assembly())
    cells = {"quality": results.quality_cells, "detection": results.detection_cells}
    whole = {name: frame[frame["bin"] == "all"] for name, frame in cells.items() if len(frame)}
    tables = {**whole, "false_alarms": results.false_alarms}
    return {
        "folder": str(results.folder),
        "samples": len(results.samples),
        **{name: json.loads(frame.to_json(orient="records", double_precision=15)) for name, frame in tables.items()},
        "verdict": {
            dataset: [str(sentence) for sentence in least_detectable(claims, dataset)]
            for dataset in dict.fromkeys(results.samples["dataset"])
        },
        "failures": _failures(results),
    }


def _next(config: RunConfig) -> list[str]:
    """After a run on the built-in photos: what to type to do the same with photos of one's own."""
    if config.pictures is not None or plain(config.images) != "sample":
        return []
    inpainters, detectors = _options("--inpainter", config.inpainters), _options("--detector", config.detectors)
    parts = ["safebench run --images FOLDER --limit 20", shlex.join(inpainters), shlex.join(detectors)]
    parts += [shlex.join(words) for words in _others(config)]
    # in several lines, which a shell reads as one: a terminal would break names
    command = " \\\n    ".join(filter(None, parts))
    return ["Next, the same on photos of yours (20 are enough to rank and name):", f"  {command}"]


def _others(config: RunConfig) -> Iterator[list[str]]:
    """The other options of a run that are not as they usually are, but for what belongs to these photos and folder."""
    usual = RunConfig(inpainters=())
    for name in RunConfig.__struct_fields__:
        value, option = getattr(config, name), f"--{name.replace('_', '-')}"
        if name in _OF_THIS_RUN or value == getattr(usual, name):
            continue
        if isinstance(value, dict):
            yield from ([option, f"{key}={item}"] for key, item in value.items())
        elif isinstance(value, bool):
            yield [option]
        else:
            yield [option, ",".join(value) if isinstance(value, tuple) else str(value)]


def _options(option: str, names: Sequence[str]) -> list[str]:
    """`--inpainter telea,lama`; a name with an argument after a colon gets an option of its own."""
    together = ",".join(name for name in names if ":" not in name)
    return [part for name in (together, *(name for name in names if ":" in name)) if name for part in (option, name)]


def summarise(results: Results, console: Console) -> None:
    """The means over all bins; what failed, how often and why."""
    of_quality = [m for m in results.metrics if m.subject == "quality"]
    inpainted = [m for m in results.metrics if m.subject != "quality" and m.over == "inpainted"]
    originals = [m for m in results.metrics if m.over == "originals"]
    quality = results.quality_cells
    quality = quality[quality["bin"] == "all"]
    if len(quality):
        console.print(*tables(f"Visual quality, {_MEANS}", ("inpainter",), quality, of_quality, console))
    detection = results.detection_cells
    detection = detection[detection["bin"] == "all"]
    if len(detection):
        console.print(*tables(f"Detection, {_MEANS}", ("inpainter", "detector"), detection, inpainted, console))
    if len(results.false_alarms):
        console.print(*tables("Control: untouched photos", ("detector",), results.false_alarms, originals, console))
    claims = Claims(results.of_one_assembly())
    for dataset in dict.fromkeys(results.samples["dataset"]):
        _say(console, " ".join(map(str, least_detectable(claims, dataset))))
        for line in seen_on_few(claims, dataset):
            _say(console, str(line))
    cells = [{str(key): value for key, value in row.items()} for row in detection.to_dict("records")]
    for verdict in said_of(learning_curves(cells, results.record)):
        _say(console, " ".join(map(str, verdict)))
    for sentence in (caveats(results.record), *_failures(results)):
        _say(console, sentence)


def _say(console: Console, sentence: str) -> None:
    """A sentence that a terminal breaks between words, and that stays a line in a file."""
    if sentence:
        console.print(sentence, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _failures(results: Results) -> list[str]:
    """A sentence for each model and step that failed, with the most frequent cause."""
    failures = results.failures
    if not len(failures):
        return []
    models = {"detect": results.detection["detector"]}
    models |= dict.fromkeys(("inpaint", "quality"), results.quality["inpainter"])
    models["postprocess"] = results.detection["postprocess"]
    model = failures["detector"].where(failures["error_step"] == "detect", failures["inpainter"])
    model = model.mask(failures["error_step"] == "postprocess", failures["postprocess"])
    sentences = []
    for step, name in sorted(set(zip(failures["error_step"], model, strict=True))):
        errors = failures.loc[(failures["error_step"] == step) & (model == name), "error"]
        if step in models:
            which = f"{name}: {len(errors)} of {(models[step] == name).sum()} images"
        else:
            which = f"{len(errors)} {'mask' if step == 'mask' else 'photo'}{'s' if len(errors) > 1 else ''}"
        sentences.append(f"Failed in step '{step}': {which}; {in_words(errors)}")
    return [*sentences, "The report lists each failure; from Python: open_run(...).failures"]
