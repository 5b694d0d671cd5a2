"""Measure the loss between plate and output of a movie without faces, for each codec, with FFmpeg's decoder.

    .venv/bin/python -m tools.roundtrip CLIP [--frames 8]

FFmpeg makes a plate of the clip in each codec that vfxage writes. The plate goes through vfxage's reader and writer
untouched, into the same codec, and both movies are decoded by PyAV, planes as stored: largest and mean difference of
luma and chroma codes, and PSNR over all planes. The last column is the PSNR where pictures go straight from FFmpeg's
decoder to the same encoder: what the codec alone loses by a second generation. Prints the table of docs/formats.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vfxage.media.base import Destination
from vfxage.media.movie import MovieReader, MovieWriter
from vfxage.media.movie.codecs import CODECS, CodecSpec
from vfxage.types import Frame, Render

Picture = tuple[NDArray[np.float64], ...]
"""Luma and two chroma planes, in codes of the form's bits."""

_BT709, _VIDEO_RANGE = 1, 1


def main() -> None:
    """Measure every codec, or those named, and print a Markdown table."""
    parser = argparse.ArgumentParser(description="What movies lose between plate and output where no face is.")
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--codecs", nargs="*", default=list(CODECS), choices=list(CODECS))
    asked = parser.parse_args()
    print("| Codec | Codes | Luma: largest, mean | Chroma: largest, mean | PSNR | the codec alone |")
    print("|---|---|---|---|---|---|")
    for codec in asked.codecs:
        print(row(asked.clip, codec, asked.frames), flush=True)


def row(clip: Path, codec: str, count: int) -> str:
    """One codec's line of the table."""
    form = CODECS[codec]
    suffix = form.suffixes[0]
    with tempfile.TemporaryDirectory() as folder:
        plate, alone, ours = (Path(folder) / f"{name}{suffix}" for name in ("plate", "alone", "ours"))
        encode(pictures(clip, count), plate, form)
        encode(pictures(plate, count), alone, form)
        through(plate, ours, codec)
        before, after, again = (list(planes(path, form.bits)) for path in (plate, ours, alone))
    luma = differences(before, after, slice(0, 1))
    chroma = differences(before, after, slice(1, 3))
    sampling = {(0, 0): "4:4:4", (1, 0): "4:2:2", (1, 1): "4:2:0"}[form.steps]
    words = (
        f"{form.bits} bits {sampling}",
        f"{luma.max():.1f}, {luma.mean():.3f}",
        f"{chroma.max():.1f}, {chroma.mean():.3f}",
        psnr(before, after, form.bits),
        psnr(before, again, form.bits),
    )
    return f"| {codec} | {' | '.join(words)} |"


def through(plate: Path, output: Path, codec: str) -> None:
    """Read and write a movie by vfxage without changing a face."""
    reader = MovieReader(plate)
    numbers = tuple(range(reader.info.first, reader.info.last + 1))
    target = Destination(
        path=str(output),
        passes=("beauty",),
        codec=codec,
        clip=replace(reader.info, audio=False),
        colorspace=str(reader.info.colorspace),
        numbers=numbers,
    )
    with MovieWriter(target) as writer:
        for frame in reader.read(numbers):
            writer.write(untouched(frame))


def untouched(frame: Frame) -> Render:
    """A render of a frame without faces."""
    nothing = np.zeros(frame.window.shape, np.float32)
    return Render(frame=frame, beauty=frame.rgb, delta=np.zeros_like(frame.rgb), matte=nothing)


def pictures(path: Path, count: int) -> Iterator[av.VideoFrame]:
    """The first pictures, decoded by FFmpeg."""
    with av.open(str(path)) as container:
        yield from islice(container.decode(video=0), count)


def encode(source: Iterable[av.VideoFrame], path: Path, form: CodecSpec) -> None:
    """Write pictures by FFmpeg alone, with the options that vfxage's writer uses, tagged BT.709 and video range."""
    with av.open(str(path), "w") as container:
        stream: VideoStream | None = None
        for number, picture in enumerate(source):
            wanted = picture.reformat(
                format=form.pixel_format(False), dst_colorspace=_BT709, dst_color_range=_VIDEO_RANGE
            )
            if stream is None:
                made = container.add_stream(form.encoder, 24, dict(form.options))
                assert isinstance(made, VideoStream)
                stream = made
                stream.width, stream.height, stream.pix_fmt = wanted.width, wanted.height, wanted.format.name
                context = stream.codec_context
                context.color_primaries = context.color_trc = context.colorspace = _BT709
                context.color_range = _VIDEO_RANGE
            wanted.color_primaries = wanted.color_trc = wanted.colorspace = _BT709
            wanted.color_range = _VIDEO_RANGE
            wanted.pts, wanted.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(wanted))
        if stream is not None:
            container.mux(stream.encode(None))


def planes(path: Path, bits: int) -> Iterator[Picture]:
    """Luma and chroma of every picture as stored, in codes of ``bits`` (ProRes 4444 decodes to 12)."""
    for picture in pictures(path, 1 << 30):
        own = max(part.bits for part in picture.format.components)
        kind = np.dtype("u1" if own == 8 else "<u2")
        yield tuple(
            np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)[:, : plane.width] / 2.0 ** (own - bits)
            for plane in picture.planes[:3]
        )


def differences(before: list[Picture], after: list[Picture], which: slice) -> NDArray[np.float64]:
    """Absolute differences of the planes chosen, of all pictures."""
    pairs = [
        pair for one, other in zip(before, after, strict=True) for pair in zip(one[which], other[which], strict=True)
    ]
    return np.concatenate([np.abs(one - other).ravel() for one, other in pairs])


def psnr(before: list[Picture], after: list[Picture], bits: int) -> str:
    """Peak signal-to-noise ratio over all planes, as text."""
    error = float(np.mean(differences(before, after, slice(0, 3)) ** 2))
    return "exact" if error == 0 else f"{10 * np.log10(((1 << bits) - 1) ** 2 / error):.1f} dB"


if __name__ == "__main__":
    main()
