"""The tool that puts real media through vfxage, on a handful of them, and its table."""

from __future__ import annotations

import re
from pathlib import Path

import av
import OpenImageIO as oiio

from tools.conformance import examined, table

ROOT = Path(__file__).resolve().parents[2]


def test_real_files_come_back_or_are_refused_in_a_line(exrs, prores):
    files = {
        "halves": exrs / "AllHalfValues.exr",
        "overscan": exrs / "display_window_t08.exr",
        "deep": exrs / "deep_Balls.exr",
        "fuzzed": exrs / "damaged" / "openexr_2.2.0_memory_allocation_error_1_exr",
        "movie": prores / "natron_apco.mov",
    }
    rows = {name: examined(path, "odd | so", name) for name, path in files.items()}
    assert [row.returned for row in rows.values()][:2] == ["same bits"] * 2
    assert rows["halves"].frames == "1, 256x256, Linear Rec.709 (sRGB) (said)"
    assert "deep data cannot be re-aged" in rows["deep"].result
    assert rows["fuzzed"].result.startswith("refused (3): frame 1: damaged OpenEXR file")
    assert rows["movie"].frames.startswith("1-2, 512x512, ")
    assert float(rows["movie"].returned.removesuffix(" dB")) > 80, "half float has 11 bits where sRGB is 1"
    text = table(list(rows.values()))
    assert "5 files: 3 read, 2 refused." in text
    docs = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    for name in ("halves", "overscan", "deep"):  # what the table of the docs says is what comes out today
        shown = files[name].relative_to(exrs.parent)
        assert (
            f"| {rows[name].result} | {rows[name].frames} | {rows[name].faces} |"
            in docs.split(f"| {shown} |")[1].split("\n")[0]
        )
    assert {line.count("|") for line in text.splitlines() if line.startswith("|")} == {7}


def size_by_others(path: Path) -> str:
    """Width and height as PyAV or OpenImageIO tell them: an OpenEXR's display window, else the picture's."""
    if path.suffix != ".exr":
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return f"{stream.width}x{stream.height}"
    image = oiio.ImageInput.open(str(path))
    assert image is not None, oiio.geterror()
    spec = image.spec()
    image.close()
    return f"{spec.full_width}x{spec.full_height}"


def test_the_table_of_the_docs_has_every_file_once_with_its_size(exrs: Path) -> None:
    media = exrs.parent
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    rows = {row[0]: row for row in cells[2:]}
    assert len(rows) == len(cells) - 2
    there = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file() and path.name != "INDEX.md"}
    assert set(rows) == there
    read = {name: row for name, row in rows.items() if not row[2].startswith("refused")}
    assert f"{len(rows)} files: {len(read)} read, {len(rows) - len(read)} refused." in text
    for name, row in rows.items():
        assert len(row) == 6
        if name not in read:
            assert re.match(r"refused \([2345]\): \w", row[2])
        else:
            assert f", {size_by_others(media / name)}, " in row[3], row
            assert row[5] == "same bits" or all(float(value.removesuffix(" dB")) > 60 for value in row[5].split(", "))
