"""A shot with two faces, its page in headless Chromium, and a server that watches what leaves the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from tests.lookdev.chromium import Look, Server, driver, served
from tests.plates import decode, write_exr

COUNT = 5
SIZE = 720, 360
"""Width and height of the plate."""


@pytest.fixture(scope="session")
def twins(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plate that shows a man beside his mirror image."""
    folder = tmp_path_factory.mktemp("twins")
    for index, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, COUNT + 1))):
        half = rgb[::2, ::2][:, 90:450]
        write_exr(folder / f"twins.{1001 + index}.exr", np.hstack([half, half[:, ::-1]]))
    return folder


def write_twins(plate: Path, folder: Path) -> Path:
    """The shot file, with comments and an order of its own."""
    text = f"""
        # Twins at a table.
        plate: {plate}/twins.%04d.exr
        colorspace: Linear Rec.709 (sRGB)
        preview: {{display: sRGB - Display, view: Un-tone-mapped}}   # a formula can check it

        temporal: {{radius: 1, strength: 1.0}}  # short
        faces:
          - name: hero     # the hero
            select: left
            target_age: 45
            source_age: 35
          # His brother is the younger one.
          - name: brother
            source_age: 30
            target_age: 60   # for now
            select: right
        outputs:
          - {{path: out/twins.%04d.exr}}
    """
    path = folder / "twins.yaml"
    path.write_text(dedent(text).lstrip(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shot(twins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_twins(twins, tmp_path_factory.mktemp("shot"))


@pytest.fixture(scope="module")
def server(shot: Path) -> Iterator[Server]:
    with served(shot) as found:
        yield found


@pytest.fixture(scope="module")
def look(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    browser = driver(tmp_path_factory.mktemp("profile"))
    try:
        yield Look(browser, server.url)
    finally:
        browser.quit()
