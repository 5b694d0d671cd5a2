"""``--log`` and ``--debug`` work on every command and in every place; help, panels and completion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run_vfxage import Result, run
from tests.small_shot import EXR, small_shot

NONE = "none.yaml"
PLACES = [
    ["--log", "json", "render", NONE],
    ["render", NONE, "--log", "json"],
    ["render", "--log=json", NONE],
    ["--log=json", "render", NONE],
    ["render", NONE, "--log", "text", "--log", "json"],
    ["render", NONE, "--wrokers", "2", "--log", "json"],
    ["--log", "json", "rendre"],
    ["--log", "json", "models", "show", "none.pth"],
    ["models", "--log", "json", "show", "none.pth"],
    ["schema", "--log", "json", "--nothing"],
]


def events(result: Result) -> list[dict[str, object]]:
    """Every line of stderr; each must be a JSON object."""
    return [json.loads(line) for line in result.err.splitlines()]


@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_json_errors_wherever_the_option_stands(words: list[str]) -> None:
    result = run(*words)
    (end,) = events(result)
    assert end["event"] == "end"
    assert end["code"] == result.code != 0
    assert str(end["text"]).startswith("error: ")


@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_openjd_errors_wherever_the_option_stands(words: list[str]) -> None:
    result = run(*(word.replace("json", "openjd") for word in words))
    (line,) = result.out.splitlines()
    assert line.startswith("openjd_fail: error: ")


def test_a_wrong_format_is_a_usage_error() -> None:
    for words in (["--log", "xml"], ["--log=xml"], ["--log", "text", "--log", "xml"]):
        run("render", NONE, *words).fails(2, "--log xml", "use text, json or openjd")
    run("render", NONE, "--log").fails(2, "--log needs a format", "use text, json or openjd")


def test_words_after_two_dashes_are_files() -> None:
    assert "--log" in run("render", "--", "--log").err


def test_debug_adds_the_traceback() -> None:
    assert "Traceback" not in run("render", NONE).err
    for words in (["--debug", "render", NONE], ["render", NONE, "--debug"]):
        assert "Traceback (most recent call last)" in run(*words).err
    (end,) = events(run("render", NONE, "--debug", "--log", "json"))
    assert "Traceback (most recent call last)" in str(end["traceback"])
    result = run("render", NONE, "--debug", "--log", "openjd")
    assert "Traceback" in result.err
    assert all(line.startswith("openjd_") for line in result.out.splitlines())


def shots_of_which_one_fails(plate: Path, folder: Path) -> list[Path]:
    good = [small_shot(plate, folder / name, outputs=[EXR], frames="1001") for name in "ac"]
    bad = small_shot(plate, folder / "b", outputs=[EXR])
    bad.write_text("plat: nowhere.mov\n")
    return [good[0], bad, good[1]]


def test_json_lines_alone_where_one_of_several_shots_fails(plate: Path, tmp_path: Path) -> None:
    shots = shots_of_which_one_fails(plate, tmp_path)
    result = run("render", *shots, "--log", "json")
    (error,) = [event for event in events(result) if event["event"] == "error"]
    assert error["code"] == result.code == 2
    assert str(shots[1]) in str(error["text"])
    assert "2 of 3 shots rendered" in result.out
    notes = [str(event["text"]) for event in events(result) if event["event"] == "note"]
    assert any("shot 3 of 3" in note for note in notes)


ENDINGS: list[tuple[list[str], int]] = [
    (["--version"], 0),
    (["--help"], 0),
    (["models"], 0),
    (["models", "list"], 0),
    (["render", NONE, NONE], 2),
    (["info", "--colorspaces"], 0),
    (["track", "--frames"], 2),
]


@pytest.mark.parametrize(
    ("words", "code"), ENDINGS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_json_lines_always_finish_with_the_end(words: list[str], code: int) -> None:
    for quiet in ([], ["--quiet"]):
        result = run(*words, "--log", "json", *quiet)
        *before, end = events(result)
        assert (end["event"], end["code"], result.code) == ("end", code, code)
        assert all(event["event"] != "end" for event in before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_json_lines_finish_with_the_end_of_a_stopped_command(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfxage.cli.render.load_with_outputs", lambda *_: signal.raise_signal(number))
    result = run("render", NONE, "--log", "json")
    (end,) = events(result)
    assert (end["event"], end["code"], result.code) == ("end", 128 + number, 128 + number)
    assert str(end["text"]).startswith("stopped")


def test_json_lines_finish_with_the_end_of_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfxage.cli.render.load_with_outputs", lambda *_: [][1])
    (end,) = events(run("render", NONE, "--log", "json"))
    assert (end["event"], end["code"]) == ("end", 1)


def test_quiet_leaves_results_and_errors(plate: Path, tmp_path: Path) -> None:
    path = small_shot(plate, tmp_path, outputs=[EXR], frames="1001-1002")
    for words in (["--quiet", "render", path], ["render", path, "--quiet"]):
        result = run(*words).ok()
        assert result.err == ""
        assert str(tmp_path / "out" / "man.%04d.exr") in result.out
    run("render", tmp_path / "no.yaml", "--quiet").fails(2, "no.yaml")
    several = run("render", path, tmp_path / "no.yaml", "--quiet", "--log", "json")
    assert [event["event"] for event in events(several)] == ["error", "end"]
    assert "1 of 2 shots rendered" in several.out
    failed = run("render", path, tmp_path / "no.yaml", "--quiet")
    assert failed.code == 2
    assert [line.partition(":")[0] for line in failed.err.splitlines()] == ["error"]
    lines = run("render", path, "--quiet", "--log", "openjd").ok().out.splitlines()
    assert not [line for line in lines if not line.startswith("openjd_status: ")]
    run("models", "list", "--json", "--log", "openjd", "--quiet").fails(2, "--json", "--log openjd")


def test_openjd_lines_alone_where_one_of_several_shots_fails(plate: Path, tmp_path: Path) -> None:
    shots = shots_of_which_one_fails(plate, tmp_path)
    lines = run("render", *shots, "--log", "openjd").out.splitlines()
    assert all(line.startswith(("openjd_status: ", "openjd_progress: ", "openjd_fail: ")) for line in lines), lines
    (failed,) = [line for line in lines if line.startswith("openjd_fail: error: ")]
    assert str(shots[1]) in failed
    assert "openjd_progress: 100.0" in lines
    assert "openjd_status: 2 of 3 shots rendered" in lines


def test_json_on_stdout_and_openjd_exclude_each_other() -> None:
    result = run("models", "list", "--json", "--log", "openjd").fails(2, "--json", "--log openjd")
    assert "agers" not in result.out
    assert "agers" in json.loads(run("models", "list", "--json", "--log", "json").ok().out)


COMMANDS = [
    *(["info"], ["init"], ["preview"], ["track"], ["render"], ["nuke"], ["shots", "from"], ["schema"]),
    *(["submit"], ["assemble"], ["verify"]),
    *(["models", "list"], ["models", "show"], ["models", "convert"], ["models", "check"]),
    *(["pairs"], ["train"], ["evaluate"]),
]


@pytest.mark.parametrize("words", [[], *COMMANDS], ids=" ".join)
def test_help_of_every_command_has_the_shared_options(words: list[str]) -> None:
    reported = run(*words, "--help").ok().out
    for option in ("--log", "--quiet", "--debug"):
        assert option in reported


def test_help_groups_commands_in_the_order_of_use() -> None:
    reported = run("--help").ok().out
    names = ["─ Shots ", "info", "init", "preview", "track", "render", "nuke", "shots", "schema"]
    names += ["─ Farm ", "submit", "assemble", "verify", "─ Agers ", "models", "pairs", "train", "evaluate"]
    rows = [row.strip("│╭ ") for row in reported.splitlines()]
    places = [next(k for k, row in enumerate(rows) if row.startswith(name)) for name in names]
    assert places == sorted(places)


def test_overwrite_says_what_it_does_in_each_command() -> None:
    helps = {name: " ".join(run(name, "--help").ok().out.replace("│", " ").split()) for name in ("assemble", "render")}
    assert "Make the movies again even if they are up to date." in helps["assemble"]
    assert "Render finished frames again" in helps["render"]


def test_track_has_no_options_that_do_nothing() -> None:
    for option in ("--device", "--workers"):
        run("track", NONE, option, "1").fails(2, option)


def program(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``vfxage`` as a shell runs it."""
    return subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'vfxage'; from vfxage.__main__ import main; main()", *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("vfxage re", ["render"]),
        ("vfxage render --ov", ["--overwrite"]),
        ("vfxage render --log j", ["json"]),
        ("vfxage models ch", ["check"]),
    ],
)
def test_completion_offers_what_fits(typed: str, offered: list[str]) -> None:
    count = str(len(typed.split()) - 1)
    done = program(_VFXAGE_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=count)
    assert (done.stdout.split(), done.stderr) == (offered, "")


def test_completion_can_be_shown_and_installed(tmp_path: Path) -> None:
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", "HOME": str(tmp_path)}
    shown = program("--show-completion", "bash", **named)
    assert "complete -o default -F _vfxage_completion vfxage" in shown.stdout
    assert shown.stderr == ""
    assert program("--install-completion", "bash", **named).returncode == 0
    installed = next(path for path in tmp_path.rglob("*") if path.is_file() and "vfxage" in path.name)
    assert "_VFXAGE_COMPLETE" in installed.read_text()


def test_completion_loads_nothing_heavy() -> None:
    code = (
        "import atexit, os, sys; heavy = {'torch', 'cv2', 'scipy', 'mediapipe', 'av', 'OpenEXR'}\n"
        "atexit.register(lambda: os.write(1, repr(sorted(heavy & set(sys.modules))).encode()))\n"
        "sys.argv = ['vfxage']; from vfxage.cli import main; main()"
    )
    typed = {"_VFXAGE_COMPLETE": "complete_bash", "COMP_WORDS": "vfxage re", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **typed}, capture_output=True, text=True)
    assert done.stdout.split() == ["render", "[]"] or done.stdout.split() == ["[]render"], done.stdout
