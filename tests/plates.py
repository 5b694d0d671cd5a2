"""Plates for the tests, made with PyAV and OpenImageIO, never with our own readers and writers."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import yaml


def decode(clip: Path, numbers: range) -> list[np.ndarray]:
    """Frames (from 1) of a clip as linear float32 RGB: good enough to be a plate, not a reference for colour."""
    wanted = set(numbers)
    frames = []
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0), start=1):
            if number in wanted:
                frames.append((frame.to_ndarray(format="rgb24").astype(np.float32) / 255) ** 2.4)
            if number >= numbers[-1]:
                break
    return frames


def man_at_webcam(clips: Path, folder: Path, count: int) -> Path:
    """Frames of a man at a webcam, half as wide and high, from 1001, in ``folder``."""
    for number, rgb in enumerate(decode(clips / "androidx_sample.mp4", range(1, count + 1)), 1001):
        write_exr(folder / f"man.{number}.exr", rgb[::2, ::2])
    return folder


def write_exr(path: Path, rgb: np.ndarray, **attributes: Any) -> None:
    """One half-float linear Rec.709 EXR by OpenImageIO; keeps NaN, Inf and every other half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, channels = rgb.shape
    spec = oiio.ImageSpec(width, height, channels, "half")
    spec.attribute("compression", "zip")
    spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))
    for name, value in attributes.items():
        spec.attribute(name, value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(rgb.astype(np.float16))), out.geterror()
    out.close()


def read_exr(path: Path) -> dict[str, np.ndarray]:
    """Channels of an EXR by OpenImageIO: name to (H, W), half channels as uint16 bits, float channels as float32."""
    image = oiio.ImageInput.open(str(path))
    assert image is not None, oiio.geterror()
    spec = image.spec()
    channels = {}
    is_half = [str(spec.channelformat(index)) == "half" for index in range(spec.nchannels)]
    for half, indices in groupby(range(spec.nchannels), is_half.__getitem__):  # each call decompresses the whole file
        first, *others = indices
        names = spec.channelnames[first : first + 1 + len(others)]
        data = image.read_image(0, 0, first, first + len(names), "half" if half else "float")
        planes = np.asarray(data).reshape(spec.height, spec.width, len(names))
        for place, name in enumerate(names):
            plane = np.ascontiguousarray(planes[..., place])
            channels[name] = plane.view(np.uint16) if half else plane
    image.close()
    return channels


def halves(bits: np.ndarray) -> np.ndarray:
    """uint16 bits as float32 values."""
    return bits.view(np.float16).astype(np.float32)


def write_shot(folder: Path, **keys: Any) -> Path:
    """A shot file with sensible ages for whatever is not given."""
    shot = {"model": "bands", "source_age": 35, "target_age": 65, **keys}
    path = folder / "shot.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(shot, sort_keys=False))
    return path
