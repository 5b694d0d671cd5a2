"""The floors of ARCHITECTURE.md, read from that file: who imports whom, one home per library, nothing heavy early."""

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLAN = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

IMPORTED_AS = {
    "PyAV": {"av"},
    "OpenEXR": {"OpenEXR"},
    "OpenImageIO": {"OpenImageIO"},
    "OpenTimelineIO": {"opentimelineio"},
    "MediaPipe": {"mediapipe"},
    "OpenColorIO": {"PyOpenColorIO"},
    "threads": {"concurrent", "multiprocessing", "asyncio", "_thread"},
    "onnx": {"onnx"},
    "onnxruntime": {"onnxruntime"},
    "torch": {"torch", "torchvision"},
    "pydantic": {"pydantic", "pydantic_core"},
    "yaml": {"yaml"},
    "filelock": {"filelock"},
    "Dask": {"dask", "distributed"},
    "NiceGUI": {"nicegui", "fastapi", "starlette", "uvicorn"},
    "safetensors": {"safetensors"},
    "typer": {"typer", "click"},
    "rich": {"rich"},
}


def modules() -> dict[str, Path]:
    """Every module of the package by its name below it: ``media.exr.reader``; the package itself is ``vfxage``."""
    found = {}
    for path in sorted((ROOT / "vfxage").rglob("*.py")):
        parts = path.relative_to(ROOT / "vfxage").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "vfxage"] = path
    return found


MODULES = modules()


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def floors() -> list[list[str]]:
    """The first indented block below the heading "Floors": one floor a line, what imports nothing first."""
    block = re.search(r"^## Floors\n(?:(?! {4}|## ).*\n)*((?: {4}\S.*\n)+)", PLAN, re.MULTILINE)
    assert block, "ARCHITECTURE.md must hold the floors as an indented block below '## Floors'"
    return [line.split() for line in block[1].splitlines()]


FLOOR = {entry.removesuffix(".*"): level for level, line in enumerate(floors()) for entry in line}


def entry_of(module: str) -> str | None:
    """The longest entry of the floors that names the module or a package it is in."""
    parts = module.split(".")
    names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((name for name in names if name in FLOOR), None)


@cache
def imports(module: str) -> frozenset[str]:
    """Dotted names of everything the module imports, anywhere in it; what it imports from ``vfxage`` by full name."""
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{MODULES[module]}:{node.lineno} imports relatively; write the full name"
            base = node.module or ""
            deeper = {f"{base}.{alias.name}" for alias in node.names}
            inside = {name for name in deeper if name.removeprefix("vfxage.") in MODULES}
            found |= inside or {base}
    return frozenset(found)


def inner_imports(module: str) -> set[str]:
    """Modules of the package that ``module`` imports, named as in MODULES."""
    found = {"vfxage" if name == "vfxage" else name.removeprefix("vfxage.") for name in imports(module) if inside(name)}
    return found - {"vfxage"}


def inside(name: str) -> bool:
    return name == "vfxage" or name.startswith("vfxage.")


def test_every_module_that_imports_another_has_a_floor():
    named = {name for module in MODULES if (inner := inner_imports(module)) for name in (module, *inner)}
    without = [f"vfxage.{name}" for name in sorted(named - {"vfxage"}) if entry_of(name) is None]
    assert not without, f"add these modules to a floor in ARCHITECTURE.md: {without}"


def test_a_module_imports_only_its_own_package_and_floors_above():
    wrong = []
    for module in sorted(set(MODULES) - {"vfxage"}):
        own = entry_of(module)
        for other in sorted(inner_imports(module)) if own else ():
            entry = entry_of(other)
            if entry and entry != own and FLOOR[entry] >= FLOOR[own]:
                wrong.append(f"vfxage.{module} (floor {FLOOR[own]}) imports vfxage.{other} (floor {FLOOR[entry]})")
    assert not wrong, "\n".join(wrong)


def test_every_entry_of_the_floors_exists():
    gone = [entry for entry in FLOOR if entry != "tools" and entry not in MODULES]
    assert not gone, f"ARCHITECTURE.md names floors that are no modules: {gone}"


def test_no_module_imports_itself_in_a_circle():
    order = TopologicalSorter({module: inner_imports(module) for module in MODULES})
    order.prepare()  # raises CycleError, which names the circle


def homes() -> dict[str, list[str]]:
    """Library to the modules that may import it, from the sentence "one home per library: X in `a.py`, ..."."""
    sentence = re.search(r"one\s+home\s+per\s+library:((?:[^`.]|`[^`]*`)*)\.", PLAN)
    assert sentence, "ARCHITECTURE.md must say: one home per library: PyAV in `media/movie/`, ..."
    found: dict[str, list[str]] = {}
    for names, places in re.findall(r"([\w\s]+?)\s+in\s+((?:`[\w/.]+`(?:\s+and\s+)?)+)", sentence[1]):
        for name in names.split():
            if name != "and":
                rooms = re.findall(r"`([\w/.]+)`", places)
                found[name] = [room.strip("/").removesuffix(".py").replace("/", ".") for room in rooms]
    return found


@pytest.mark.parametrize("library", sorted(homes()))
def test_library_has_one_home(library):
    rooms = homes()[library]
    for module in MODULES:
        at_home = any(module == room or module.startswith(f"{room}.") for room in rooms)
        used = {name.split(".")[0] for name in imports(module)} & IMPORTED_AS[library]
        assert at_home or not used, f"vfxage.{module} imports {used}, which lives in {rooms} alone"


def test_threads_start_in_pool_alone():
    for module, tree in ((module, tree_of(module)) for module in MODULES):
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert module == "pool" or not names & {"Thread", "Timer", "ThreadPool"}, f"vfxage.{module} starts threads"


def test_the_plan_names_the_homes_the_design_asks_for():
    assert {"PyAV", "OpenEXR", "MediaPipe", "OpenColorIO", "threads", "torch"} <= set(homes())


def heavy() -> list[str]:
    """The libraries of the sentence "`mediapipe`, `torch`, ... are imported inside the functions that need them"."""
    sentence = re.search(r"((?:`\w+`,?\s+)+)are\s+imported\s+inside\s+the\s+functions", PLAN)
    assert sentence, "ARCHITECTURE.md must name the libraries that are imported inside functions"
    return re.findall(r"`(\w+)`", sentence[1])


def test_the_plan_names_the_heavy_libraries():
    assert {"mediapipe", "torch", "cv2", "av", "OpenEXR", "PyOpenColorIO"} <= set(heavy())


@pytest.mark.parametrize("module", ["vfxage.cli", "vfxage.shot"])
def test_nothing_heavy_is_imported_before_it_is_needed(module):
    program = f"import sys, {module}; print(*(name for name in {heavy()!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr
