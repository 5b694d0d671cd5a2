"""Small movies made with PyAV for the tests, and formulas in double precision to hold the reader against."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}


def picture(planes: Sequence[np.ndarray], pixel_format: str) -> av.VideoFrame:
    """A frame of these sample planes; (h, w, n) planes are packed formats."""
    height, width = planes[0].shape[:2]
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((values.shape[0], plane.line_size), np.uint8)
        data = np.ascontiguousarray(values).reshape(values.shape[0], -1).view(np.uint8)
        rows[:, : data.shape[1]] = data
        plane.update(rows.tobytes())
    return frame


def write_movie(
    path: Path,
    frames: Sequence[av.VideoFrame],
    codec: str = "ffv1",
    *,
    rate: Fraction = Fraction(24),
    pts: Sequence[int] | None = None,
    tags: tuple[int, int, int] = (2, 2, 2),
    full_range: bool | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    setup: Callable[[Any], None] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Encode the frames; ``pts`` count in 1/(1000 rate) where given. Closed and complete when it returns."""
    color_range = 0 if full_range is None else 2 if full_range else 1
    with av.open(str(path), "w", options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, frames[0].format.name
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = tags
        context.color_range = color_range
        context.time_base = 1 / rate if pts is None else 1 / (1000 * rate)
        if setup:
            setup(stream)
        for index, frame in enumerate(frames):
            frame.pts = index if pts is None else pts[index]
            frame.time_base = context.time_base
            frame.color_primaries, frame.color_trc, frame.colorspace = tags
            frame.color_range = color_range
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def with_fields(frame: av.VideoFrame, order: str) -> av.VideoFrame:
    """The same picture, flagged as two fields of which ``order`` ("top", "bottom") is shown first."""
    graph = av.filter.Graph()
    ends = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    step, sink = graph.add("setfield", {"top": "tff", "bottom": "bff"}[order]), graph.add("buffersink")
    ends.link_to(step)
    step.link_to(sink)
    graph.configure()
    graph.push(frame)
    flagged = graph.pull()
    assert isinstance(flagged, av.VideoFrame)
    return flagged


def remuxed(source: Path, target: Path, change: Callable[[int, Any], bool]) -> Path:
    """Copy a movie's picture packets. ``change`` may alter each, given its place, and says whether it is kept."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as part:
        stream = part.add_stream_from_template(whole.streams.video[0])
        packets = (packet for packet in whole.demux(whole.streams.video[0]) if packet.dts is not None)
        for place, packet in enumerate(packets):
            if change(place, packet):
                packet.stream = stream
                part.mux(packet)
    return target


def numbered(count: int, width: int = 64, height: int = 48, noise: int = 0) -> list[av.VideoFrame]:
    """Grey frames whose mean luma says which they are: 32 + 3 * index; ``noise`` either way fills their files."""
    chroma = np.full((height // 2, width // 2), 128, np.uint8)
    signs = np.random.default_rng(1).choice([-1, 1], (count, height, width))
    return [
        picture([(32 + 3 * index + noise * signs[index]).clip(0, 255).astype(np.uint8), chroma, chroma], "yuv420p")
        for index in range(count)
    ]


def index_of(rgb: np.ndarray) -> int:
    """Which of ``numbered`` a linear frame (Rec.1886) is."""
    luma = float(np.mean(np.clip(rgb, 0, None) ** (1 / 2.4))) * 219 + 16
    return index_of_luma(luma)


def index_of_luma(luma: float) -> int:
    """Which of ``numbered`` has this mean luma."""
    index = round((luma - 32) / 3)
    assert abs(luma - 32 - 3 * index) < 1.2
    return index


def rgb_codes(
    luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, *, bits: int, matrix: int, full_range: bool
) -> np.ndarray:
    """ITU-T H.273: stored integers (H, W) to R'G'B' in double precision."""
    y, u, v = (np.asarray(plane, np.float64) for plane in (luma, cb, cr))
    scale = 2.0 ** (bits - 8)
    if full_range:
        y, u, v = y / (2**bits - 1), (u - 2 ** (bits - 1)) / (2**bits - 1), (v - 2 ** (bits - 1)) / (2**bits - 1)
    else:
        y, u, v = (y - 16 * scale) / (219 * scale), (u - 128 * scale) / (224 * scale), (v - 128 * scale) / (224 * scale)
    if matrix == 8:
        return np.stack([y - u + v, y + u, y - u - v], axis=-1)
    kr, kb = WEIGHTS[matrix]
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    return np.stack([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue], axis=-1)


def resampled(plane: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Keys' cubic convolution (a = -1/2) at fractional sample positions, edges repeated, in double precision."""
    rows = np.moveaxis(np.asarray(plane, np.float64), axis, 0)
    base = np.floor(positions).astype(int)
    total = np.zeros((len(positions), *rows.shape[1:]))
    for tap in range(-1, 3):
        x = np.abs(positions - base - tap)
        near = 1.5 * x**3 - 2.5 * x**2 + 1
        far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        weight = np.where(x <= 1, near, np.where(x < 2, far, 0.0))
        total += weight.reshape(-1, *[1] * (rows.ndim - 1)) * rows[np.clip(base + tap, 0, len(rows) - 1)]
    return np.moveaxis(total, 0, axis)


def linear_1886(code: np.ndarray) -> np.ndarray:
    """BT.1886 with black at 0, on the nominal range."""
    return np.clip(code, 0, None) ** 2.4


def decoded(path: Path, limit: int | None = None) -> list[av.VideoFrame]:
    """Every frame as PyAV alone gives it."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return [frame for index, frame in enumerate(container.decode(video=0)) if limit is None or index < limit]


def planes_of(frame: av.VideoFrame) -> list[np.ndarray]:
    """A planar frame's samples."""
    kind = np.dtype("u1" if max(part.bits for part in frame.format.components) == 8 else "<u2")
    return [
        np.frombuffer(memoryview(plane), kind).reshape(plane.height, -1)[:, : plane.width].copy()
        for plane in frame.planes
    ]
