"""What the help of `safebench run` shows beside an option's words: its panel, its value's name, what Tab offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import OptionInfo

from safebench.errors import ConfigError

Function = TypeVar("Function", bound=Callable[..., None])
Completer = Callable[[str], Iterator[str]]

RUN = {
    "What is run": {
        "inpainter": "NAME",
        "detector": "NAME",
        "weights": "NAME=FILE",
        "settings": "[MODEL.]KEY=VALUE",
        "postprocess": "CHAIN,...",
        "assembly": "WAY,...",
        "metrics": "KEY",
        "lpips_net": "NET",
    },
    "Photos and holes": {
        "images": "PHOTOS",
        "masks": "MASKS",
        "mask_threshold": "N",
        "bins": "BINS",
        "limit": "N",
        "size": "N|native",
        "tile": "N",
        "seed": "N",
        "pictures": "PICTURES",
        "mask_hole": "SIDE",
        "exclude": "FILE",
    },
    "Where it runs": {
        "device": "DEVICE",
        "precision": "PRECISION",
        "batch_size": "N|auto",
        "compile_": "",
        "engine": "ENGINE",
        "workers": "N",
        "ray_address": "ADDRESS",
        "slurm": "NAME=VALUE",
        "storage": "URL",
    },
    "What is kept": {"out": "FOLDER", "keep_maps": "", "keep_results": "", "rerun": "NAME", "strict": "", "json": ""},
}
"""Of each panel the options, by the parameter's name, and what stands for their values; "" for a switch."""

EXAMPLES = """
[bold]Examples[/bold]

On the built-in photos: [cyan]safebench run --inpainter telea --detector laplacian[/cyan]

On photos of yours: [cyan]safebench run --inpainter all --detector all --images DIR --limit 20[/cyan]

A suite and one option more: [cyan]safebench run suite.toml --postprocess none,jpeg:75[/cyan]

A suite's keys are these options with _ or - (inpainters and detectors are lists): docs/suites.md
"""


class _Switches:
    """Shows no `<bool>` behind options that take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, as the help shows them."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if getattr(parameter, "is_flag", False) and parameter.metavar is None:
                parameter.metavar = ""
        return parameters


class Command(_Switches, TyperCommand):
    """A command of `safebench`: no option of one value is taken twice, none without a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As any command does.  Raises ConfigError for an option that is given twice, where the last would silently
        stand, and for one that is empty, as an unset variable of a shell's is."""
        if not ctx.resilient_parsing:  # Tab's
            values, _, given = self.make_parser(ctx).parse_args(args=list(args))
            for option, times in Counter(given).items():
                if option.param_type_name == "option" and not getattr(option, "is_flag", False):
                    _check(option, values[option.name], times)
        rest: list[str] = super().parse_args(ctx, args)
        return rest


def _check(option: Any, value: Any, times: int) -> None:
    """Raise ConfigError where an option is given more often than it may be, or empty."""
    name = max(option.opts, key=len)
    if times > 1 and not option.multiple:
        raise ConfigError(f"{name}: is given {times} times; give it once")
    if "" in (value if option.multiple else [value]):
        raise ConfigError(f"{name}: is empty; say what it is, or leave it out")


class Group(_Switches, TyperGroup):
    """`safebench`, and its commands that have commands."""


def show_no_types_of_switches(app: typer.Typer) -> None:
    """Let all commands of an app, and of the apps in it, be of these classes."""
    app.info.cls = Group
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance:
            show_no_types_of_switches(group.typer_instance)


def in_panels(panels: Mapping[str, Mapping[str, str]]) -> Callable[[Function], Function]:
    """Give a command's options their panels, the names of their values, and completion."""
    places = {name: (panel, metavar) for panel, options in panels.items() for name, metavar in options.items()}

    def arranged(command: Function) -> Function:
        hints = get_type_hints(command, include_extras=True)
        for name, (panel, metavar) in places.items():
            kind, option = get_args(hints[name])
            changed: dict[str, Any] = {**vars(option), "rich_help_panel": panel, "metavar": metavar or None}
            if name in _COMPLETIONS:
                changed["autocompletion"] = _COMPLETIONS[name]
            hints[name] = Annotated[kind, _copied(option, changed)]
        command.__annotations__ = hints
        return command

    return arranged


def _copied(option: OptionInfo, values: Mapping[str, Any]) -> OptionInfo:
    copied = object.__new__(type(option))
    vars(copied).update(values)
    return copied


def models(kind: str = "") -> Completer:
    """Offers the models of a kind, or of all, and their variants once the colon is there."""

    def complete(incomplete: str) -> Iterator[str]:
        from safebench.models import kinds, registry

        for asked in [kind] if kind else [known.name for known in kinds.MODELS]:
            for name, entry in registry.entries(asked).items():
                variants = entry.card.variants if incomplete.startswith(f"{name}:") else ()
                yield from _beginning(incomplete, name, *(f"{name}:{variant}" for variant in variants))

    return complete


def photos(incomplete: str) -> Iterator[str]:
    """Offers the sets of photos."""
    from safebench.inputs.photos import dataset_cards

    yield from _beginning(incomplete, *(card.name for card in dataset_cards()))


def listed(incomplete: str) -> Iterator[str]:
    """Offers what `safebench list` lists."""
    from safebench.cli.listing import kinds_listed

    yield from _beginning(incomplete, *kinds_listed())


def choices(option: str) -> Completer:
    """Offers the words that an option of a run takes."""

    def complete(incomplete: str) -> Iterator[str]:
        from safebench.runs.config import RunConfig

        yield from _beginning(incomplete, *map(str, get_args(get_type_hints(RunConfig)[option])))

    return complete


def words(*offered: str) -> Completer:
    """Offers these words."""

    def complete(incomplete: str) -> Iterator[str]:
        yield from _beginning(incomplete, *offered)

    return complete


def _beginning(incomplete: str, *offered: str) -> Iterator[str]:
    yield from (text for text in offered if text.startswith(incomplete))


_COMPLETIONS: Mapping[str, Completer] = {
    "inpainter": models("inpainters"),
    "detector": models("detectors"),
    "postprocess": models("postprocessing"),
    "images": photos,
    "masks": words("irregular", "nvidia"),
    "assembly": words("spliced", "regenerated"),
    "device": words("auto", "cpu", "cuda"),
    **{name: choices(name) for name in ("precision", "engine", "lpips_net", "mask_hole")},
}
