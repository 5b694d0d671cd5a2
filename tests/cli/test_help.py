"""The help of every command."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer

from tests.run_vfxage import run
from vfxage.cli import app


def every_command() -> list[tuple[tuple[str, ...], Any]]:
    """Words that name each command, subcommands too, and the command itself."""
    found: list[tuple[tuple[str, ...], Any]] = []
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        words, one = waiting.pop()
        inner = getattr(one, "commands", {})
        waiting += [((*words, name), sub) for name, sub in inner.items()]
        found += [] if inner else [(words, one)]
    return found


COMMANDS = dict(sorted(every_command()))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_a_stranger_needs(words: tuple[str, ...]) -> None:
    """Every command is listed in its group, and its help describes each argument and option with a sentence."""
    assert f" {words[-1]} " in run(*words[:-1], "--help").ok().out
    reported = " ".join(re.sub("[\u2500-\u257f]", " ", run(*words, "--help").ok().out).split())
    assert f"Usage: vfxage {' '.join(words)} " in reported
    for parameter in COMMANDS[words].params:
        if parameter.name == "help":
            continue
        names = (
            parameter.opts if parameter.param_type_name == "option" else [parameter.metavar or parameter.name.upper()]
        )
        assert any(name in reported for name in names), parameter.name
        assert parameter.help, f"{parameter.name} has no help"
        assert " ".join(parameter.help.split()[:2]) in reported


def test_help_of_an_option_is_about_its_own_command() -> None:
    """An option's words that several commands share must be right in each: assemble and verify render nothing."""
    for command in ("assemble", "verify", "track", "info"):
        for parameter in COMMANDS[(command,)].params:
            assert not (parameter.help or "").startswith("Render "), f"{command} {parameter.name}"
