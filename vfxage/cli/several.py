"""One command for several shots: a shot that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vfxage.cli.console import Console
from vfxage.cli.tables import print_data
from vfxage.errors import ShotError, VfxageError, count_of

Show = Callable[[dict[str, Any]], None]
"""Takes what a command found out about a shot, for ``--json``."""


def for_each_shot(
    shots: Sequence[Path],
    run: Callable[[Path, Show], None],
    console: Console,
    *,
    done: str,
    as_json: bool = False,
) -> int:
    """Call ``run`` with each shot file and a function that prints JSON. Returns the exit code: the highest of all.

    The error of a single shot is raised. That of one among several is reported, and the others go on; the summary says
    how many are ``done`` ("rendered"). JSON of several shots is printed as ``{"shots": [...]}`` at the end, each with
    ``shot`` and, if it failed, ``error`` and ``code``.
    """

    def print_now(data: dict[str, Any]) -> None:
        print_data(console, data, as_json=True)

    if len(shots) == 1:
        run(shots[0], print_now)
        return 0
    printed: list[dict[str, Any]] = [{"shot": str(path)} for path in shots]
    codes = []
    for index, path in enumerate(shots):
        console.note(f"{path}: shot {index + 1} of {len(shots)}")
        try:
            run(path, printed[index].update)
            codes.append(0)
        except VfxageError as error:
            text = str(error) if str(path) in str(error) else f"{path}: {error}"
            console.error(text, error.exit_code)
            printed[index] |= {"error": text, "code": error.exit_code}
            codes.append(error.exit_code)
    if as_json:
        print_now({"shots": printed})
    else:
        console.result(f"{codes.count(0)} of {len(shots)} shots {done}")
    return max(codes)


def refuse_one_path(shots: Sequence[Path], path: object, option: str) -> None:
    """Raise ShotError if an option gives one path for the files of several shots."""
    if path and len(shots) > 1:
        fix = f"leave out {option}: each file lies beside the outputs of its shot"
        raise ShotError(f"{option} names one file, and there are {count_of(len(shots), 'shot')}", fix=fix)
