"""All that the package says to its users, collected from its source, and the rules of it that a program can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vfxage import errors
from vfxage.errors import count_of

ROOT = Path(__file__).resolve().parents[1]
RAISED = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
VALUE = "\N{WHITE SQUARE}"
"""Stands for a value that is only known at run time."""


@dataclass(frozen=True)
class Said:
    """One text: an error's ``what``, a ``rule`` of a shot file, a ``fix``, a ``note``, a ``help`` or a ``command``."""

    kind: str
    place: str
    text: str
    """Values stand as VALUE."""
    values: tuple[ast.FormattedValue, ...] = ()

    def __str__(self) -> str:
        return f"{self.place} {self.kind}: {self.text}"


def texts(node: ast.expr | None) -> Iterator[tuple[str, tuple[ast.FormattedValue, ...]]]:
    """Texts that an expression can be: both branches of a condition, constants, f-strings, sums of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, ()
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        values = tuple(part for part in node.values if isinstance(part, ast.FormattedValue))
        words = (str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values)
        yield "".join(words), values
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from ((a + b, x + y) for a, x in texts(node.left) for b, y in texts(node.right))


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def said_by(path: Path) -> Iterator[Said]:
    """Everything that one file says."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = path.relative_to(ROOT)
    for node in ast.walk(tree):
        given: list[tuple[str, ast.expr]] = []
        if isinstance(node, ast.Call):
            first = node.args[:1]
            if called(node) in RAISED or called(node) == "_DamageError":
                given += [("error", one) for one in first]
            if called(node) == "ValueError" and name.parts[1] in ("shot", "lab"):  # pydantic's: the text has no fix=
                given += [("rule", one) for one in first]
            if called(node) == "note":
                given += [("note", one) for one in first]
            given += [(word.arg, word.value) for word in node.keywords if word.arg in ("fix", "help")]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("fix", "what"):
            given.append(("fix" if getattr(node.targets[0], "id", "") == "fix" else "error", node.value))
        elif isinstance(node, ast.FunctionDef) and path.parent.name == "cli" and not node.name.startswith("_"):
            text = ast.get_docstring(node)
            if text and any(isinstance(one, ast.Subscript) for one in ast.walk(node.args)):  # Annotated: a command
                yield Said("command", f"{name}:{node.lineno}", text)
        for kind, value in given:
            yield from (Said(kind, f"{name}:{value.lineno}", text, parts) for text, parts in texts(value))


SAID = [one for path in sorted((ROOT / "vfxage").rglob("*.py")) for one in said_by(path)]


def of(*kinds: str) -> list[Said]:
    found = [one for one in SAID if one.kind in kinds]
    assert len(found) > 10, "the collection is broken"
    return found


def listed(wrong: list[Said]) -> str:
    return "\n" + "\n".join(map(str, wrong))


def test_the_collection_finds_what_there_is() -> None:
    counts = {kind: len(of(kind)) for kind in ("error", "fix", "note", "help", "command")}
    assert counts["error"] > 200
    assert counts["fix"] > 150
    assert {"cli", "media", "shot", "render", "face", "ager", "lab"} <= {one.place.split("/")[1] for one in SAID}


COUNTED = re.compile(
    rf"(?<!more than ){VALUE} (?:(?!holds|has|is|are|of)[a-z]+ )?"
    r"(?:frames|pictures|faces|portraits|channels|parts|movies|shots|people|keys|steps|events|clips|layers|seconds|"
    r"hours|rows|folders|mattes|tracks|processes|workers)\b(?! a second)"
)
"""A value before a plural; a limit ("more than 200 events") is never 1."""


def test_a_count_goes_with_its_noun() -> None:
    """``{n} frames`` is wrong where n is 1: ``count_of(n, "frame")`` is right for all."""
    wrong = [one for one in of("error", "rule", "fix", "note") if COUNTED.search(one.text)]
    assert not wrong, listed(wrong)


def test_no_list_is_printed_as_python_has_it() -> None:
    """Neither ``{names!r}``, several by their name, nor ``{list(...)}``, ``{[...]}``: join them with commas."""

    def python(value: ast.FormattedValue) -> bool:
        made = value.value
        lists = isinstance(made, ast.List | ast.ListComp | ast.Set | ast.Dict | ast.Tuple)
        if value.conversion == ord("r") and isinstance(made, ast.Name | ast.Attribute):
            return (made.id if isinstance(made, ast.Name) else made.attr).endswith("s")
        return lists or (
            isinstance(made, ast.Call) and called(made) in ("list", "sorted", "set", "tuple", "dict", "repr")
        )

    wrong = [one for one in SAID if any(map(python, one.values))]
    assert not wrong, listed(wrong)


def test_messages_have_no_full_stop_and_begin_small() -> None:
    """They follow ``path:line: ``, and ``; fix`` follows them. A name in capitals (EXR, ACES) keeps them."""
    stopped = [one for one in of("error", "rule", "fix", "note") if re.search(r"(?<!\.\.)\.\s*$", one.text)]
    assert not stopped, listed(stopped)
    capital = [one for one in of("error", "rule", "fix", "note") if re.match(r"(?:A|[A-Z][a-z]+) [a-z]", one.text)]
    names = ("MediaPipe", "OpenEXR", "OpenColorIO", "Nuke", "Python", "Linux", "Docker", "Dask", "Open")
    capital = [one for one in capital if not one.text.startswith(names)]
    assert not capital, listed(capital)


def test_help_is_whole_sentences() -> None:
    wrong = [one for one in of("help", "command") if not re.match(r"[A-Z0-9`\"(\[]", one.text)]
    wrong += [one for one in of("command") if not one.text.split("\n\n")[0].rstrip().endswith(".")]
    assert not wrong, listed(wrong)


FIRST_WORDS = re.compile(r"^(?:the|a|an|it|this|that|there|is|are|was|of|in|on|as|its|what|which|who)\b", re.IGNORECASE)


def test_a_remedy_begins_with_a_verb() -> None:
    wrong = [one for one in of("fix") if FIRST_WORDS.match(one.text) and not one.text.endswith("?")]
    assert not wrong, listed(wrong)


def test_a_remedy_is_said_by_fix() -> None:
    """An error's own text ends before the remedy: ``fix=`` follows a semicolon."""
    verbs = "use|give|choose|name|say|remove|set|write|install|check|run|render|track|add|change|correct|make|see|ask"
    wrong = [one for one in of("error") if re.search(rf"[;,] (?:{verbs}) [a-z\"`{VALUE}-]", one.text)]
    assert not wrong, listed(wrong)


NOT_ENGLISH = re.compile(
    r"\b(?:what stands|stands? complete|stood|is told|are told|was told|told|is lacking|lacks?|lacking|"
    r"of such|such that|whereof|wherein|none it|all it takes|none that|as is|"
    r"not sought|sought|is none|are none|shall|begun anew|anew|of which|in turn|wants? it)\b",
    re.IGNORECASE,
)


def test_messages_are_in_plain_words() -> None:
    """Subject, verb, object: none of the words and turns that readers stumbled over."""
    wrong = [one for one in SAID if NOT_ENGLISH.search(one.text)]
    assert not wrong, listed(wrong)


def test_messages_are_short() -> None:
    """A message is one line of a log, a path before it and a remedy behind it."""
    limits = {"error": 160, "fix": 120, "note": 220, "help": 200}
    wrong = [one for one in SAID if len(one.text) > limits.get(one.kind, 2000)]
    assert not wrong, listed(wrong)


@pytest.mark.parametrize(
    ("count", "noun", "plural", "text"),
    [(0, "frame", "", "0 frames"), (1, "frame", "", "1 frame"), (2, "frame", "", "2 frames"),
     (1, "person", "people", "1 person"), (3, "person", "people", "3 people")],
)  # fmt: skip
def test_count_of(count: int, noun: str, plural: str, text: str) -> None:
    assert count_of(count, noun, plural) == text


@pytest.mark.parametrize(("count", "text"), [(1, r"\b1 frame\b"), (2, r"\b2 frames\b")])
def test_rendered_frames_are_counted(count: int, text: str, plate: Path, tmp_path: Path) -> None:
    """Through a real render, its summary, and the check that finds frames missing."""
    from tests.run_vfxage import run
    from tests.small_shot import EXR, small_shot

    path = small_shot(plate, tmp_path, outputs=[EXR])
    reported = run("render", path, "--frames", f"1001-{1000 + count}").ok()
    assert re.search(text, reported.out), reported.out
    for number in range(1001, 1001 + count):
        (tmp_path / "out" / f"man.{number}.exr").unlink()
    found = run("verify", path, "--frames", f"1001-{1000 + count}")
    assert not re.search(r"\b1 (?:frames|files|movies)\b", found.out + found.err), found
    assert found.code != 0


@pytest.mark.parametrize("count", [1, 2])
def test_pictures_left_out_are_counted(count: int, tmp_path: Path) -> None:
    """``train`` leaves pictures out that are not square: one is, two are."""
    from PIL import Image

    from tests.lab.train.people import make_people, recipe_in
    from tests.run_vfxage import run

    make_people(tmp_path / "people")
    for index in range(count):
        Image.new("RGB", (80, 64)).save(tmp_path / "people" / f"p{index}_20.png")
    reported = run("train", recipe_in(tmp_path), "--steps", 1, "--device", "cpu").err
    wanted = "left out: 1 file (is not square" if count == 1 else "left out: 2 files (is not square"
    assert wanted in reported, reported
