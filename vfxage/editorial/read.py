"""Read a cut file; its suffix decides the format."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vfxage.editorial.cut import LARGEST_FILE, Cut
from vfxage.errors import ReadError, ShotError


def read_cut(path: str | Path, rate: Fraction | None) -> Cut:
    """Read an OpenTimelineIO (.otio) or CMX 3600 (.edl) cut.

    ``rate`` is the frames per second of an EDL, which does not contain it; a timeline does. Raises ReadError for a
    file that is missing, damaged or of another format, ShotError for an EDL without a rate.
    """
    path = Path(path).absolute()
    suffix = path.suffix.lower()
    if suffix not in (".otio", ".edl"):
        fix = "export it as OpenTimelineIO (.otio) or CMX 3600 (.edl)"
        raise ShotError(f"cannot read a cut in the format {suffix or 'of a file without a suffix'}", path=path, fix=fix)
    text = _text(path)
    if suffix == ".edl":
        from vfxage.editorial.edl import read_edl

        if rate is None:
            fix = "say --rate 24 (or 23.976, 25, 29.97), or put `rate:` into the template"
            raise ShotError("an EDL does not contain its frames per second", path=path, fix=fix)
        return read_edl(text, path, rate)
    from vfxage.editorial.timeline import read_timeline

    return read_timeline(text, path)


def _text(path: Path) -> str:
    """The text of the file, as UTF-8, else as Windows-1252."""
    try:
        if path.exists() and not path.is_file():
            raise ReadError("is not a file", path=path, fix="name a cut, .otio or .edl")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})", path=path, fix="check the path") from error
    if len(data) > LARGEST_FILE:
        raise ReadError(f"is larger than {LARGEST_FILE >> 20} MiB, the most for a cut", path=path, fix="check the path")
    if b"\0" in data:
        raise ReadError("is not a text file", path=path, fix="export the cut again")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # editing systems on Windows write EDLs in this encoding
