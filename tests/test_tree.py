"""The house rules that a program can check: sizes, names, machine paths, and documents that keep up with the code."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from vfxage import errors

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = [path for folder in ("vfxage", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
DOCUMENTS = sorted(ROOT.glob("*.md"))
SETTINGS = [
    *(ROOT / name for name in ("Makefile", "pyproject.toml", ".ci/run", ".pre-commit-config.yaml", "tools/setup.sh")),
    *sorted((ROOT / "shots").glob("*/*.yaml")),
    *sorted(path for path in (ROOT / "configs").rglob("*") if path.is_file()),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_file_has_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, "split it by noun"


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_function_has_at_most_60_lines(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= 60, f"{node.name} in {name_of(path)}:{node.lineno} has {lines} lines; 40 is the aim"


@pytest.mark.parametrize("path", [path for path in PROGRAMS if path.parent.name != "tools"], ids=name_of)
def test_names_are_the_trades_own(path):
    assert not {"utils", "util", "helpers", "manager", "common", "core", "service"} & set(
        path.with_suffix("").parts[-3:]
    )


MACHINE = re.compile(
    r"(?<![\w.~-])/(?:home|root|work|Users|opt)/(?!someone\b)\w"
    r"|pypi\.org|pythonhosted|download\.pytorch|index-url|huggingface\.co"
)
"""Folders of a machine (tests may speak of `someone`), and registries, which pip's own configuration names."""


@pytest.mark.parametrize("path", [*PROGRAMS, *TESTS, *DOCUMENTS, *SETTINGS], ids=name_of)
def test_names_no_machine(path):
    if path == Path(__file__).resolve():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not MACHINE.search(line), f"{name_of(path)}:{number}: {line.strip()}"


def blocks(text, language=""):
    """Fenced code of a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_readme_begins_with_the_two_commands():
    screen = "\n".join(README.splitlines()[:40])
    commands = [line.split("#")[0].strip() for block in blocks(screen) for line in block.splitlines()]
    assert commands[:2] == ["make demo", "make test"]


def test_documents_name_commands_that_exist():
    from typer.main import get_command

    from vfxage.cli import app

    known = set(get_command(app).commands)
    for path in [*DOCUMENTS, ROOT / "shots" / "demo" / "shot.yaml", ROOT / "Makefile"]:
        text = path.read_text(encoding="utf-8")
        used = set(re.findall(r"(?:^|[`/]|: +)vfxage ([a-z]+)(?= [\w./-]+\.yaml| >|`)", text, re.MULTILINE))
        assert used <= known, f"{path.name} names a command that does not exist: {used - known}"
    assert known <= set(re.findall(r"^vfxage (\w+)", README, re.MULTILINE)), "README.md leaves out a command"


def test_documents_name_make_targets_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        used = set(re.findall(r"(?:^ *|`)make (\w+)", text, re.MULTILINE))
        assert used <= targets, f"{path.name} names a target that does not exist: {used - targets}"


def test_readme_lists_every_exit_code():
    listed = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in row.split(",")}
    raised = {
        kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert listed == raised | {0, 1, 130, 143}


def test_readmes_shot_is_a_valid_shot(tmp_path):
    from vfxage.shot import load_shot

    (text,) = blocks(README, "yaml")
    path = tmp_path / "shot.yaml"
    path.write_text(text, encoding="utf-8")
    shot = load_shot(path)
    assert [face.name for face in shot.faces] == ["lead"]
    assert [output.passes for output in shot.outputs] == [("beauty", "delta", "matte"), ("beauty", "matte")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_documents_point_at_files_that_exist(path):
    text = path.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    named = re.findall(r"`((?:vfxage|tools|tests|shots|configs|docs|\.ci)/[\w/.-]+\.\w+)`", text)
    for name in {*links, *named}:
        assert (ROOT / name).exists(), f"{path.name} names {name}, which does not exist"


def test_third_party_notices_name_every_dependency():
    notices = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8").lower()
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    lacking = [name for name in (Requirement(line).name for line in wanted) if f"| {name.lower()}" not in notices]
    assert not lacking, f"add them to THIRD_PARTY.md with their licences: {lacking}"


def test_nothing_large_or_foreign_lies_in_the_tree():
    shipped = ROOT / "vfxage" / "ager" / "data"
    for folder in ("docs", "tests", "vfxage", "tools", "configs"):
        for path in (ROOT / folder).rglob("*"):
            if path.parent == shipped:
                assert path.stat().st_size <= 20_000_000, f"{name_of(path)} is over 20 MB"
            elif path.is_file() and "__pycache__" not in path.parts:
                assert path.stat().st_size <= 1_000_000, f"{name_of(path)} is over 1 MB"
                assert path.suffix not in {".pth", ".pt", ".safetensors", ".mp4", ".mov", ".exr"}, name_of(path)
