"""The array rule: every dataclass with arrays checks them when it is made, and prints shapes instead of pixels.

Each field with arrays says its shape once: ``rgb: F32 = field(metadata=shaped("H", "W", 3))``. A letter stands for the
same size in all fields of one object. The rule holds for single arrays and for arrays inside tuples and mappings:

- shape and dtype are those of the field, and the array is C-contiguous; else ValueError;
- the array is read-only from then on, for its owner too: an edit in place raises ValueError where it happens;
- ``repr`` prints shapes instead of pixels.

No pixel is read or copied for this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEY = "vfxage.arrays"

Side = int | str | None
"""Size of one axis: a number, a letter that is the same size in all fields, or None for any size."""


@dataclass(frozen=True, slots=True)
class _Shaped:
    sides: tuple[Side, ...] | None
    """None for any number of axes."""
    dtypes: tuple[np.dtype[Any], ...]


def shaped(*sides: Side, dtype: type[np.generic] | tuple[type[np.generic], ...] = np.float32) -> dict[str, _Shaped]:
    """``metadata`` of a dataclass field that holds arrays of this shape and dtype (any one of several dtypes)."""
    dtypes = dtype if isinstance(dtype, tuple) else (dtype,)
    return {_KEY: _Shaped(sides, tuple(np.dtype(one) for one in dtypes))}


ANY_SHAPE = {_KEY: _Shaped(None, (np.dtype(np.float32),))}
"""``metadata`` of a dataclass field that holds float32 arrays of any shape."""


class ArrayData:
    """Base of the dataclasses that carry arrays; decorate them with ``repr=False``.

    A subclass with more to check calls ``check_arrays(self)`` first in its own ``__post_init__``.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        check_arrays(self)

    def __repr__(self) -> str:
        return brief(self)


def check_arrays(item: Any, **sizes: int) -> None:
    """Check all arrays of a dataclass and make them read-only; ``sizes`` gives letters a size beforehand.

    Raises ValueError that names the field and says what it holds.
    """
    for one in fields(item):
        rule = one.metadata.get(_KEY)
        if rule is None:
            continue
        for array in _arrays_in(getattr(item, one.name)):
            _check(one.name, array, rule, sizes)
            array.flags.writeable = False


def brief(item: Any) -> str:
    """The ``repr`` of a dataclass with shapes in place of arrays, and counts in place of mappings."""
    return f"{type(item).__name__}({', '.join(f'{f.name}={_brief(getattr(item, f.name))}' for f in fields(item))})"


def _brief(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, Mapping):
        return f"{{{len(value)} keys}}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if type(value) is tuple and next(_arrays_in(value), None) is not None:
        return f"({', '.join(map(_brief, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def _arrays_in(value: object) -> Iterator[NDArray[Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _arrays_in(one)
    elif isinstance(value, Mapping):
        yield from _arrays_in(tuple(value.values()))


def _check(name: str, array: NDArray[Any], rule: _Shaped, sizes: dict[str, int]) -> None:
    if array.dtype not in rule.dtypes:
        raise ValueError(f"{name} must be {' or '.join(map(str, rule.dtypes))}, got {array.dtype}")
    sides = (None,) * array.ndim if rule.sides is None else rule.sides
    fits = array.ndim == len(sides)
    for side, size in zip(sides, array.shape, strict=False):
        wanted = sizes.setdefault(side, size) if isinstance(side, str) else side
        fits = fits and wanted in (None, size)
    if not fits:
        wanted_shape = ", ".join("any" if s is None else str(sizes.get(s, s) if isinstance(s, str) else s)
                                 for s in sides)  # fmt: skip
        raise ValueError(f"{name} must have shape ({wanted_shape}), got {array.shape}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous")
