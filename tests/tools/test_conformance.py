"""The tool that puts real media through vfxage, on a handful of them, and its table."""

from __future__ import annotations

from pathlib import Path

from tools.conformance import examined, listed, table

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
    assert {line.count("|") for line in text.splitlines() if line.startswith("|")} == {7}


def test_the_table_of_the_docs_has_every_file(exrs):
    media = exrs.parent
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    named = [path.relative_to(media) for path, _ in listed(media)]
    assert len(named) == len([path for path in media.rglob("*") if path.is_file() and path.name != "INDEX.md"])
    for name in named:
        assert f"| {name} |" in text
