"""Options that more than one command has, and those that every command has: ``--log``, ``--quiet`` and ``--debug``.

These three may stand anywhere in the command line, and errors in the rest of it must be reported in the format that
``--log`` names. So ``split_command_line`` takes them out first, and ``with_console`` adds them to each command only for
``--help`` and for completion.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from vfxage.cli.console import LogFormat, console_of
from vfxage.errors import Source, naming_sources


def _refuse_openjd(context: typer.Context, value: bool) -> bool:
    """Refuse ``--json`` beside ``--log openjd``: both need the whole of stdout."""
    if value and console_of(context).fills_stdout:
        raise typer.BadParameter("--log openjd writes to stdout too: leave out one of them")
    return value


ShotPath = Annotated[Path, typer.Argument(metavar="SHOT.yaml", help="The shot file.", show_default=False)]
ShotPaths = Annotated[
    list[Path], typer.Argument(metavar="SHOT.yaml...", help="The shot file, or several.", show_default=False)
]
Frames = Annotated[
    str | None,
    typer.Option("--frames", "-f", metavar="RANGE", help="Only these frames: 1001-1050x2 1060, or 1001-1050:2,1060."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a value of the shot file: faces.lead.target_age=70. Repeatable."
    ),
]
Device = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda|cuda:1", help="Where networks run; auto: on a GPU if there is one.")
]
RenderedOn = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda",
        help="Device the frames were rendered on; auto: read it from the first frame.",
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, max=64, help="Parallel workers; does not change the result.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with code 4 if a face is lost on some frames, or is not selected.")
]
AsJson = Annotated[bool, typer.Option("--json", callback=_refuse_openjd, help="Print JSON instead of a table.")]

_Debug = Annotated[
    bool,
    typer.Option(
        "--debug", help="Print tracebacks and what libraries print.", rich_help_panel="Options of every command"
    ),
]
_Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        help="Print only results and errors: no progress, no notes.",
        rich_help_panel="Options of every command",
    ),
]
_Log = Annotated[
    LogFormat | None,
    typer.Option(
        "--log",
        help="Progress and errors as plain lines (text), JSON lines (json), both on stderr, or as lines for Open Job "
        "Description on stdout (openjd). Default: a bar on a terminal, else text.",
        rich_help_panel="Options of every command",
        show_default=False,
    ),
]


_SHEET = "--sheet"
"""The one option whose value may be left out."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command line whose ``--log``, ``--quiet`` and ``--debug`` are read and taken out."""

    words: tuple[str, ...]
    log: str | None
    """The format as given, which may be none that exists; empty where it is missing; None without ``--log``."""
    quiet: bool
    debug: bool


def split_command_line(words: Sequence[str]) -> CommandLine:
    """Take ``--log FORMAT``, ``--log=FORMAT``, ``--quiet`` and ``--debug`` out, wherever they stand before ``--``.

    The last ``--log`` wins.

    The word after ``--sheet`` is its value, unless it is a shot file or an option. Typer has no such option, so it gets
    ``--sheet=VALUE``, with no value for the default.
    """
    rest: list[str] = []
    log, quiet, debug = None, False, False
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif word == "--debug":
            debug = True
        elif word == "--quiet":
            quiet = True
        elif word == "--log":
            log = next(left, "")
        elif word.startswith("--log="):
            log = word.removeprefix("--log=")
        elif rest and rest[-1] == _SHEET and not word.startswith("-") and not word.endswith((".yaml", ".yml", ".json")):
            rest[-1] = f"{_SHEET}={word}"
        else:
            rest.append(word)
    return CommandLine(tuple(f"{_SHEET}=" if word == _SHEET else word for word in rest), log, quiet, debug)


def _named_by_options(context: typer.Context, values: Mapping[str, Any]) -> Iterator[Source]:
    """Every path that an option gives. Arguments are left out: an error about one shows the path as it was written."""
    for option in context.command.params:
        value = values.get(option.name or "")
        if option.param_type_name == "option":
            given = value if isinstance(value, list | tuple) else [value]
            yield from (Source(option.opts[0], str(path)) for path in given if isinstance(path, Path | str))


def with_console(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make a typer command of a function with an argument ``console``: pass it the console that ``main`` has opened.

    Typer sees ``--log``, ``--quiet`` and ``--debug`` in its place. ``main`` has read them already, so their values are
    not used.
    """
    signature = inspect.signature(command)
    types = get_type_hints(command, include_extras=True)
    own = [p.replace(annotation=types[p.name]) for p in signature.parameters.values() if p.name != "console"]
    named = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter("context", named, annotation=typer.Context),
        inspect.Parameter("log", named, annotation=_Log, default=None),
        inspect.Parameter("quiet", named, annotation=_Quiet, default=False),
        inspect.Parameter("debug", named, annotation=_Debug, default=False),
    ]

    @wraps(command)
    def run(*, context: typer.Context, log: object, quiet: object, debug: object, **values: Any) -> Any:
        with naming_sources(_named_by_options(context, values)):
            return command(**values, console=console_of(context))

    every = [*(p.replace(kind=named) for p in own), *added]
    run.__signature__ = signature.replace(parameters=every)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in every} | {"return": types.get("return")}
    del run.__wrapped__
    return run
