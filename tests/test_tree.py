"""The house rules that a program can check: sizes, names, machine paths, and documents that keep up with the code."""

import ast
import functools
import re
import subprocess
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


def test_a_file_has_at_most_400_lines():
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PROGRAMS}
    past = {name: lines for name, lines in sizes.items() if lines > 400}
    assert not past, f"split these files by noun: {past}"


@functools.cache
def functions():
    """The file and node of every function of the programs, nested ones too."""
    return [
        (path, node)
        for path in PROGRAMS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_a_function_has_at_most_40_lines():
    sizes = {
        f"{name_of(path)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, node in functions()
    }
    past = {name: lines for name, lines in sizes.items() if lines > 40}
    assert not past, f"split these functions: {past}"


@functools.cache
def commands():
    """Module and name of each function that typer calls: its arguments are the options of a command."""
    from vfxage.cli import app

    groups, found = [app], set[tuple[str, str]]()
    for group in groups:  # grows on the way
        groups += [inner.typer_instance for inner in group.registered_groups]
        called = [command.callback for command in group.registered_commands]
        called += [group.registered_callback.callback] if group.registered_callback else []
        found |= {(callback.__module__, callback.__name__) for callback in called if callback}
    return found


def test_a_function_has_at_most_five_arguments():
    counts = {}
    for path, node in functions():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        if (module, node.name) not in commands():
            name = f"{name_of(path)}:{node.lineno} {node.name}"
            counts[name] = len([one for one in given if one and one.arg not in ("self", "cls")])
    past = {name: count for name, count in counts.items() if count > 5}
    assert not past, f"past five arguments it is a dataclass: {past}"


def test_root_of_the_package_has_at_most_12_modules():
    loose = sorted(path.name for path in (ROOT / "vfxage").glob("*.py") if not path.name.startswith("__"))
    assert len(loose) <= 12, f"move some to the package of their stage: {loose}"


def test_names_are_the_trades_own():
    vague = {"utils", "util", "helpers", "manager", "common", "core", "service"}
    packages = [path for path in PROGRAMS if path.parent.name != "tools"]
    assert not [name_of(path) for path in packages if vague & set(path.with_suffix("").parts[-3:])]


MACHINE = re.compile(
    r"(?<![\w.~-])/(?:home|root|work|Users|opt)/(?!someone\b)\w"
    r"|pypi\.org|pythonhosted|download\.pytorch|index-url|huggingface\.co"
)
"""Folders of a machine (tests may speak of `someone`), and registries, which pip's own configuration names."""


def test_no_file_names_a_machine():
    named = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in (*PROGRAMS, *TESTS, *DOCUMENTS, *SETTINGS)
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert not named, "\n".join(named)


def blocks(text, language=""):
    """Fenced code of a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_readme_begins_with_the_two_commands():
    screen = "\n".join(README.splitlines()[:40])
    commands = [line.split("#")[0].strip() for block in blocks(screen) for line in block.splitlines()]
    assert commands[:2] == ["make demo", "make test"]


def test_documents_name_commands_that_exist():
    from typer.main import get_group

    from vfxage.cli import app

    known = set(get_group(app).commands)
    for path in [*DOCUMENTS, ROOT / "shots" / "demo" / "shot.yaml", ROOT / "Makefile"]:
        text = path.read_text(encoding="utf-8")
        used = set(re.findall(r"(?:^|[`/]|: +)vfxage ([a-z]+)(?= [\w./-]+\.yaml| >|`)", text, re.MULTILINE))
        assert used <= known, f"{path.name} names a command that does not exist: {used - known}"
    assert known <= set(re.findall(r"^vfxage (\w+)", README, re.MULTILINE)), "README.md leaves out a command"


def test_documents_name_make_targets_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        used = set(re.findall(r"(?:^ *|`)make ([\w-]+)", text, re.MULTILINE))
        assert used <= targets, f"{path.name} names a target that does not exist: {used - targets}"


def test_readme_lists_every_exit_code():
    listed = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in row.split(",")}
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.VfxageError)
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


NOTICES = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")


def required(*extras):
    """Names of the packages that a plain install asks for (no extra named) or that the extras add, in lower case."""
    groups = PROJECT["optional-dependencies"]
    lines = [line for extra in extras for line in groups[extra]] if extras else PROJECT["dependencies"]
    return {Requirement(line).name.lower() for line in lines}


def tables(text):
    """The packages of each table of THIRD_PARTY.md, in the document's order and in lower case."""
    found = re.findall(r"^\| Package \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [{re.match(r"\| ([\w.-]+)", row)[1].lower() for row in table.splitlines()} for table in found]


def test_third_party_notices_name_the_dependencies_and_no_others():
    assert tables(NOTICES) == [
        required(),
        required("onnx"),
        required("farm"),
        required("train"),
        required("lookdev"),
        required("live"),
        required("dev") - required("farm"),
    ]


def test_third_party_notices_name_versions_that_pip_may_install():
    wanted = [
        *PROJECT["dependencies"],
        *(line for group in PROJECT["optional-dependencies"].values() for line in group),
    ]
    for requirement in map(Requirement, wanted):
        (version,) = set(
            re.findall(rf"^\| {re.escape(requirement.name)}(?: \([^|]*\))? \| ([^ |]+)", NOTICES, re.M | re.I)
        )
        assert requirement.specifier.contains(version), f"{requirement} rules out {version} of THIRD_PARTY.md"


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_contributing_states_the_limits_that_are_tested():
    said = re.search(r"has at most (\d+) lines.*?, a file (\d+), a call (\w+) arguments", CONTRIBUTING, re.DOTALL)
    assert said, "CONTRIBUTING.md must say: a function has at most 40 lines, a file 400, a call five arguments"
    assert said.groups() == ("40", "400", "five")
    assert "is an error" not in said[0], "the test knows one limit only"


def test_contributing_names_things_that_exist():
    """``Name` in `file`` and "row in `NAME` (`file`)": the file defines that name."""
    pairs = re.findall(r"`([A-Z]\w+)`(?: and `([A-Z]\w+)`)?(?: in)? \(?`((?:vfxage|tools)/[\w/.]*)`", CONTRIBUTING)
    assert {"FORMATS", "Pass", "ARCHITECTURES"} <= {name for names in pairs for name in names}
    for *names, place in pairs:
        path = ROOT / place
        assert path.exists(), f"CONTRIBUTING.md names {place}"
        files = [path] if path.is_file() else sorted(path.glob("*.py"))
        defined = {name for file in files for name in top_names(file)}
        assert set(filter(None, names)) <= defined, f"{place} does not define {names}"


def top_names(path):
    """Names that a file defines at its top level."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_contributing_names_folders_that_exist():
    for name in re.findall(r"`((?:vfxage|tests|tools)/[\w/]+/)`", CONTRIBUTING):
        assert (ROOT / name).is_dir(), f"CONTRIBUTING.md names {name}"
    for name in re.findall(r"`((?:media|ager|lab|shot|farm|comp|face|render|cli)/[\w/]*(?:\.py)?)`", CONTRIBUTING):
        assert (ROOT / "vfxage" / name).exists(), f"CONTRIBUTING.md names {name}"


FOLDERS = {".ci", "configs", "docs", "shots", "tests", "tools", "vfxage"}
"""The folders of the project: pictures that somebody looked at while working do not belong beside them."""


@functools.cache
def tracked():
    """Every file that git keeps."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this copy of the project is not in git")
    return [ROOT / name for name in listed.split("\0") if (ROOT / name).is_file()]


def test_every_folder_belongs_to_the_project():
    found = {path.relative_to(ROOT).parts[0] for path in tracked() if path.parent != ROOT}
    assert found == FOLDERS, f"git keeps folders that the project does not know: {found ^ FOLDERS}"


def test_nothing_large_or_foreign_lies_in_the_tree():
    shipped = ROOT / "vfxage" / "ager" / "data"
    for path in tracked():
        if path.parent == shipped:
            assert path.stat().st_size <= 20_000_000, f"{name_of(path)} is over 20 MB"
        else:
            assert path.stat().st_size <= 1_000_000, f"{name_of(path)} is over 1 MB"
            assert path.suffix not in {".pth", ".pt", ".safetensors", ".mp4", ".mov", ".exr"}, name_of(path)
