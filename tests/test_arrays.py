"""The array rule, checked on every dataclass of the package with arrays, so that a new one cannot forget it."""

import ast
import re
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from vfxage.arrays import ArrayData
from vfxage.types import FaceCrop, Frame, Window

ROOT = Path(__file__).resolve().parents[1]
ARRAY = re.compile(r"\b(F32|F64|U8|I32|NDArray|ndarray|Mask|Numbers|Plane|Samples|Codes|Study)\b")
"""Names of arrays in annotations."""
RULE = "vfxage.arrays"
SIDE = 4


@cache
def carriers():
    """Module and name of every class with annotated arrays, but what one module keeps to itself (``_Name``)."""
    names = []
    for path in sorted((ROOT / "vfxage").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            decorated = any("dataclass" in ast.unparse(one) for one in node.decorator_list)
            own = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            if decorated and any(ARRAY.search(ast.unparse(one.annotation)) for one in own):
                names.append((module, node.name))
    return names


def found(carrier):
    return getattr(import_module(carrier[0]), carrier[1])


def array_fields(kind):
    return [one for one in fields(kind) if ARRAY.search(str(one.type))]


def array_for(one, extra=0):
    """An array that the field's rule allows; ``extra`` makes an axis of a fixed size longer."""
    rule = one.metadata[RULE]
    shape = [side + extra if isinstance(side, int) else SIDE for side in rule.sides or (None,)]
    count = int(np.prod(shape))
    values = np.arange(101, 101 + count) if rule.dtypes[0].kind != "u" else np.full(count, 101)
    return values.astype(rule.dtypes[0]).reshape(shape)


def wrapped(annotation, array):
    """The array as the annotation holds it."""
    if annotation.startswith("tuple[tuple[float"):
        return ((30.0, array),)
    if annotation.startswith("tuple[tuple[tuple"):
        return ((("name",), array),)
    if annotation == "tuple[Numbers, ...]":
        return ({"block": array},)
    if annotation.startswith("tuple"):
        return (array, array.copy())
    return {"name": array} if annotation.startswith(("dict", "Mapping", "Numbers", "Study")) else array


def arrays_in(value):
    if isinstance(value, np.ndarray):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return [array for one in inner for array in arrays_in(one)]


def plain(annotation):
    """Something for a field without arrays."""
    if annotation == "Window":
        return Window(0, 0, SIDE, SIDE)
    if annotation in ("Frame", "FaceCrop"):
        return made({"Frame": Frame, "FaceCrop": FaceCrop}[annotation])
    if annotation == "Path":
        return Path("name")
    simple = {"str": "name", "int": 1, "float": 1.0, "bool": True}
    return simple.get(annotation, () if annotation.startswith("tuple") else {} if "Mapping" in annotation else None)


def made(kind, **changed):
    values = {
        one.name: wrapped(str(one.type), array_for(one)) if RULE in one.metadata else plain(str(one.type))
        for one in fields(kind)
    }
    return kind(**(values | changed))


@pytest.fixture(scope="module")
def cases():
    """Every class with arrays, each time with one of its fields that hold them."""
    return [(kind, one) for kind in map(found, carriers()) for one in array_fields(kind)]


def test_the_walk_sees_the_package():
    names = {name for _, name in carriers()}
    assert {"Frame", "Render", "FaceTrack", "FrameIndex", "MeanFace", "Detection", "Portrait"} <= names


def test_every_dataclass_with_arrays_follows_the_rule():
    for module, name in carriers():
        kind = found((module, name))
        assert is_dataclass(kind), name
        assert isinstance(kind, type), name
        assert issubclass(kind, ArrayData), f"{name} must derive from vfxage.arrays.ArrayData"
        without = [one.name for one in array_fields(kind) if RULE not in one.metadata]
        assert not without, f"{name} must say the shape of {without} by field(metadata=shaped(...))"


def test_an_array_that_fits_is_taken_without_a_copy_and_cannot_be_edited(cases):
    for kind, one in cases:
        item = made(kind, **{one.name: (given := wrapped(str(one.type), array_for(one)))})
        kept, owned = arrays_in(getattr(item, one.name)), arrays_in(given)
        assert kept, (kind, one.name)
        assert all(a is b for a, b in zip(kept, owned, strict=True)), (kind, one.name)
        assert not any(array.flags.writeable for array in owned), (kind, one.name)


def taken(kind, one, array):
    """Whether the class takes the array for a field, or refuses it without the name of the field."""
    try:
        made(kind, **{one.name: wrapped(str(one.type), array)})
    except ValueError as error:
        return f"{one.name} must" not in str(error)
    return True


def test_another_dtype_is_refused(cases):
    assert not [(kind, one.name) for kind, one in cases if taken(kind, one, array_for(one).astype(np.complex64))]


def test_another_number_of_axes_is_refused(cases):
    shaped = [(kind, one) for kind, one in cases if one.metadata[RULE].sides is not None]  # a study's have any shape
    assert not [(kind, one.name) for kind, one in shaped if taken(kind, one, array_for(one)[None])]


def test_another_size_of_a_fixed_axis_is_refused(cases):
    def is_fixed(one):
        return any(isinstance(side, int) for side in one.metadata[RULE].sides or ())

    fixed = [(kind, one) for kind, one in cases if is_fixed(one)]
    assert not [(kind, one.name) for kind, one in fixed if taken(kind, one, array_for(one, extra=1))]


def test_an_array_that_is_not_contiguous_is_refused(cases):
    gaps = [(kind, one, np.repeat(array_for(one), 2, axis=-1)[..., ::2]) for kind, one in cases]
    assert not [(kind, one.name) for kind, one, array in gaps if taken(kind, one, array)]


def test_no_pixel_is_printed():
    for carrier in carriers():
        text = repr(made(found(carrier)))
        assert text.startswith(f"{carrier[1]}(")
        assert "array" not in text
        assert not re.search(r"\b10[1-9]\b", text)


def test_a_stage_that_edits_a_frame_fails_where_it_does_it():
    light = np.zeros((2, 2, 3), np.float32)
    frame = Frame(number=1, window=Window(0, 0, 2, 2), rgb=light)
    for edited in (light, frame.rgb, frame.rgb[:1]):
        with pytest.raises(ValueError, match="read-only"):
            edited += 1


def test_one_letter_is_one_size_in_all_fields():
    square = np.zeros((6, 6, 3), np.float32)
    frame = Frame(number=1, window=Window(0, 0, 6, 6), rgb=square, alpha=square[..., 0].copy())
    assert repr(frame).startswith("Frame(number=1, window=Window(x=0, y=0, width=6, height=6), rgb=float32[6, 6, 3],")
    with pytest.raises(ValueError, match=r"alpha must have shape \(6, 6\), got \(6, 5\)"):
        Frame(number=1, window=Window(0, 0, 6, 6), rgb=square, alpha=np.zeros((6, 5), np.float32))
