"""The shot file of the tests, and the two ways to load it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from vfxage.errors import ShotError
from vfxage.shot import Shot, load_shot

EXAMPLE = """\
plate: plate/demo.%04d.exr       # movie, or sequence as ####, %04d, $F4, @@@@; relative to this file
frames: 1001-1048                # optional; Nuke and OpenJD syntax
colorspace: Linear Rec.709 (sRGB)  # OCIO name; movies may leave it to their tags
model: builtin                   # builtin | bands | path of a checkpoint
faces:                           # optional: default is every face with the top-level ages
  - name: lead
    select: largest              # largest | left | right | {frame: 1001, point: [640, 300]}
    source_age: 40
    target_age: {1001: 40, 1048: 70}   # a number, or keyframes (linear between)
    intensity: 1.0               # a number, or keyframes
temporal: {radius: 2, strength: 1.0}
matte: {kind: face, feather: 0.08}     # head (default) | face (mesh oval, feathered) | box (soft square crop)
outputs:
  - {path: out/demo.%04d.exr, passes: [beauty, delta, matte]}
  - {path: out/demo.mov, codec: prores_4444, passes: [beauty, matte]}   # matte rides as alpha
"""
SHORT = "plate: a.mov\nsource_age: 30\ntarget_age: 50\n"


def load(text: str | bytes, *overrides: str) -> Shot:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shot.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_shot(path, overrides)


def reported(text: str | bytes, *overrides: str) -> str:
    """The one line for a bad shot, the folder of the file taken off."""
    with pytest.raises(ShotError) as caught:
        load(text, *overrides)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 500
    assert caught.value.fix
    return re.sub(rf"{re.escape(tempfile.gettempdir())}/[^/]+/", "", line)


def changed(old: str, new: str) -> str:
    assert EXAMPLE.count(old) == 1
    return EXAMPLE.replace(old, new)
