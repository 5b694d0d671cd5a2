"""Put real media of many makers through the readers, the face finder and the EXR writer; write a table of it.

Run ``python -m tools.conformance`` in the project's root: it reads every file that ``../shared/media/INDEX.md`` (or
``--media``) names, a few frames of each, and writes ``docs/conformance.md``. Each file is read or refused in one line;
a crash stops the run. What goes through the writer untouched is read back with OpenImageIO, and compared with the
plate's own samples where it has linear ones, else with the light that the reader gave.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as Oiio

from vfxage.colour.space import Colour
from vfxage.errors import VfxageError
from vfxage.face.track.stills import find_faces
from vfxage.frames import Pattern
from vfxage.media import FORMATS, PlateSettings, open_reader, open_writer
from vfxage.media.base import Destination, Reader
from vfxage.publish import publish
from vfxage.shot import Tracking
from vfxage.types import F32, ClipInfo, Frame, Render

ROOT = Path(__file__).resolve().parents[1]
LINEAR = "Linear Rec.709 (sRGB)"
"""Reported for plates without a colour space in the header."""
MAGIC = b"\x76\x2f\x31\x01"
"""An OpenEXR file's first bytes."""
HEADING = """\
# Conformance

Every file of a collection of real media, and what vfxage does with it. `python -m tools.conformance` wrote this table.

- *Frames*: the plate's frame numbers, size and colour space; "said" if it was given because the file names none.
- *Faces*: the number of faces found on the first, middle and last frame.
- *To EXR and back*: these frames, written with an empty delta and read with OpenImageIO: "same bits" for half and
  float plates, else the PSNR of the pictures as sRGB in dB, which is the loss of half float.

A refused file or frame has the error line and, in brackets, the exit code.

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One file's line of the table."""

    file: str
    odd: str
    result: str
    frames: str = ""
    faces: str = ""
    returned: str = ""


def listed(media: Path) -> Iterator[tuple[Path, str]]:
    """Every file that the index names (by lists and wildcards), with its remark on the file."""
    for line in (media / "INDEX.md").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"- `([^`]+)`: (.+)", line):
            for pattern in match[1].split(","):
                yield from ((path, match[2]) for path in sorted(media.glob(pattern.strip())) if path.is_file())


def examined(path: Path, odd: str, name: str) -> Row:
    """Read a few frames of a file, look for faces in them, and write and read them."""
    if path.suffix.lower() not in FORMATS and path.read_bytes()[:4] == MAGIC:
        with tempfile.TemporaryDirectory() as folder:  # OpenEXR by content, kept under another name by its fuzzers
            copy = Path(folder) / "file.exr"
            copy.write_bytes(path.read_bytes())
            return examined(copy, odd, name)
    try:
        with closing(open_reader(path)) as reader:
            said = reader.info.colorspace is None
        with closing(open_reader(path, PlateSettings(colorspace=LINEAR if said else None))) as reader:
            clip = reader.info
            frames, broken = some(reader)
            colour = Colour(clip.colorspace or LINEAR)
            faces = [str(len(found)) for _, found in find_faces(frames, colour, Tracking(), clip)]
            returned = sorted({returns(frame, clip) for frame in frames})
    except VfxageError as error:
        return Row(name, odd, refusal(error))
    if not frames:
        return Row(name, odd, broken)
    numbers = f"{clip.first}-{clip.last}" if clip.last > clip.first else f"{clip.first}"
    facts = f"{numbers}, {clip.width}x{clip.height}, {clip.colorspace}{' (said)' if said else ''}"
    result = "; ".join(("read", *clip.notes, *([f"but {broken}"] if broken else [])))
    return Row(name, odd, result, facts, ", ".join(faces), ", ".join(returned))


def some(reader: Reader) -> tuple[list[Frame], str]:
    """The first, middle and last frame, and how the first that cannot be read is refused."""
    info, frames, broken = reader.info, list[Frame](), ""
    for number in sorted({info.first, (info.first + info.last) // 2, info.last}):
        try:
            frames += reader.read([number])
        except VfxageError as error:
            broken = broken or refusal(error)
    return frames, broken


def refusal(error: VfxageError) -> str:
    """An error without its path, which differs between machines."""
    where = f"frame {error.frame}: " if error.frame is not None else ""
    return f"refused ({error.exit_code}): {where}{error.what}{f'; {error.fix}' if error.fix else ''}"


def returns(frame: Frame, clip: ClipInfo) -> str:
    """Compare a frame with itself after writing it to an EXR file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.%04d.exr"
        target = Destination(
            path=str(path),
            passes=("beauty", "delta", "matte"),
            codec=None,
            clip=clip,
            colorspace=clip.colorspace or LINEAR,
            numbers=(frame.number,),
            alpha=frame.alpha is not None,
            stamps={frame.number: "conformance"},
        )
        matte = np.zeros(frame.window.shape, np.float32)
        with open_writer(target) as writer:
            writer.write(Render(frame=frame, beauty=frame.rgb, delta=np.zeros_like(frame.rgb), matte=matte))
        written = _read(Pattern.parse(path).path(frame.number))
    if written.shape != frame.rgb.shape:
        return f"another shape: {written.shape}"
    own = frame.native
    if own is not None and own.dtype.kind == "f":
        same = own.astype(np.float32).view(np.uint32) == np.asarray(written, np.float32).view(np.uint32)
        return "same bits" if same.all() else f"{same.mean():.2%} of the bits"
    return _psnr(frame.rgb, written)


def _read(path: Path) -> F32:
    """R, G and B of an EXR, by OpenImageIO."""
    image = Oiio.ImageInput.open(str(path))
    names = image.spec().channelnames
    pixels = np.asarray(image.read_image(0, 0, 0, len(names), "float"), np.float32)
    pixels = pixels.reshape(image.spec().height, image.spec().width, len(names))
    image.close()
    return np.ascontiguousarray(pixels[..., [names.index(name) for name in "RGB"]])


def _psnr(one: F32, other: F32) -> str:
    """Difference of two linear pictures, as sRGB within 0..1."""
    codes = [np.where(v < 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055) for v in _clipped(one, other)]
    error = float(np.mean(np.square(codes[0] - codes[1], dtype=np.float64)))
    return "same values" if error == 0 else f"{-10 * np.log10(error):.0f} dB"


def _clipped(*pictures: F32) -> list[F32]:
    return [np.clip(np.nan_to_num(picture, nan=0.0), 0, 1) for picture in pictures]


def table(rows: list[Row]) -> str:
    """The document."""
    head = ("File", "What is odd about it", "Result", "Frames", "Faces", "To EXR and back")
    cells = [[row.file, row.odd, row.result, row.frames, row.faces, row.returned] for row in rows]
    lines = ["| " + " | ".join(text.replace("|", "/").strip() for text in line) + " |" for line in (head, *cells)]
    lines.insert(1, "|" + "---|" * len(head))
    read = sum(row.result.startswith("read") for row in rows)
    return f"{HEADING}{len(rows)} files: {read} read, {len(rows) - read} refused.\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Examine the collection and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media", help="folder with an INDEX.md")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "conformance.md")
    asked = parser.parse_args()
    rows = []
    for path, odd in listed(asked.media):
        rows.append(examined(path, odd, str(path.relative_to(asked.media))))
        print(f"{rows[-1].file}: {rows[-1].result[:120]} {rows[-1].returned}", flush=True)
    with publish(asked.out) as partial:
        partial.write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
