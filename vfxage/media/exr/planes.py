"""The channels of an OpenEXR output: which there are, and what of a render goes into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfxage.geometry import extent, st_map
from vfxage.media.base import Destination
from vfxage.shot.regions import REGIONS
from vfxage.types import F32, FaceLayer, Frame, HairLayer, Render, Window

Plane = NDArray[Any]
_LAYERS = (("delta", "RGB"), ("matte", "A"), ("delta_raw", "RGB"), ("matte_hair", "A"), ("uv", "RG"))
"""Passes that are layers, of all faces and of each, with their channels."""


def channel_names(destination: Destination, faces: Mapping[str, str]) -> Iterator[str]:
    """Every channel of a frame but carried ones; ``faces`` are the layers' names by the faces'."""
    passes = destination.passes
    if "crop" in passes:
        yield from ("R", "G", "B", "delta.R", "delta.G", "delta.B", "matte.A")
        return
    if "beauty" in passes:
        yield from ("R", "G", "B", "A") if destination.alpha else ("R", "G", "B")
    if "plate" in passes:
        yield from (f"plate.{colour}" for colour in "RGB")
    for suffix in ("", *(f"_{name}" for name in faces.values())):
        for name, letters in _LAYERS:
            if name in passes:
                yield from (f"{name}{suffix}.{letter}" for letter in letters)
        if "regions" in passes:
            yield from (f"region_{region}{suffix}.A" for region in REGIONS)


def carried_names(destination: Destination, faces: Mapping[str, str]) -> tuple[str, ...]:
    """The channels of the plate that come along; the output's own win where the names are equal."""
    if not destination.pass_through:
        return ()
    own = frozenset(channel_names(destination, faces))
    return tuple(name for name in destination.clip.tags.channels if name not in own)


def carried(frame: Frame, destination: Destination, faces: Mapping[str, str]) -> dict[str, Plane]:
    """The planes (H, W) of these channels; 0 on a frame without them, such as a black one in place of a missing one."""
    kinds, planes = destination.clip.tags.channels, frame.tags.channels
    return {
        name: planes[name] if name in planes else np.zeros(frame.window.shape, kinds[name].dtype)
        for name in carried_names(destination, faces)
    }


def channels(render: Render, destination: Destination, faces: Mapping[str, str]) -> dict[str, Plane]:
    """Arrays under OpenEXR's channel names; an array (H, W, 3) is R, G and B of a layer."""
    passes, as_float = destination.passes, _is_float(destination)
    if "crop" in passes:
        return _crop(render, destination, as_float)
    planes = _pictures(render, destination)
    # With a 16-bit half matte, plate + matte * delta_raw would not equal the beauty.
    matte: Callable[[F32], Plane] = _same if "delta_raw" in passes else _half_matte
    if "delta" in passes:
        planes["delta"] = render.delta
    if "matte" in passes:
        planes["matte.A"] = matte(render.matte)
    if "delta_raw" in passes:
        planes["delta_raw"] = np.zeros_like(render.delta) if render.raw is None else render.raw
    if "matte_hair" in passes:
        planes["matte_hair.A"] = _hair(render, [layer.name for layer in render.hair])
    if "regions" in passes:
        planes |= _regions("", render, render.layers, matte)
    if "uv" in passes:
        planes |= _uv("uv", render, destination.crop_pass_faces)
    for face, name in faces.items():
        planes |= _of_face(face, name, render, destination)
    return planes


def _of_face(face: str, name: str, render: Render, destination: Destination) -> dict[str, Plane]:
    """Layers of one face, whose layers in the file end with ``name``."""
    passes = destination.passes
    matte: Callable[[F32], Plane] = _same if "delta_raw" in passes else _half_matte
    planes: dict[str, Plane] = {}
    layers = [layer for layer in render.layers if layer.name == face]
    if "delta" in passes:
        planes[f"delta_{name}"] = _placed(render, [(layer, layer.delta) for layer in layers], 3)
    if "matte" in passes:
        planes[f"matte_{name}.A"] = matte(_placed(render, [(layer, layer.matte) for layer in layers], 1))
    if "delta_raw" in passes:
        raws = [(layer, layer.raw) for layer in layers if layer.raw is not None]
        planes[f"delta_raw_{name}"] = _placed(render, raws, 3)
    if "matte_hair" in passes:
        planes[f"matte_hair_{name}.A"] = _hair(render, [face])
    if "regions" in passes:
        planes |= _regions(f"_{name}", render, layers, matte)
    if "uv" in passes:
        planes |= _uv(f"uv_{name}", render, (face,))
    return planes


def _pictures(render: Render, destination: Destination) -> dict[str, Plane]:
    """The beauty with its alpha, and the plate."""
    as_float = _is_float(destination)
    planes: dict[str, Plane] = {}
    if "beauty" in destination.passes:
        planes["RGB"] = _beauty(render, as_float)
        if destination.alpha:
            alpha = render.frame.alpha
            shape, dtype = render.matte.shape, planes["RGB"].dtype
            planes["A"] = np.ones(shape, dtype) if alpha is None else _cast(alpha, dtype)
    if "plate" in destination.passes:
        planes["plate"] = _plate(render, as_float)
    return planes


def _is_float(destination: Destination) -> bool:
    return destination.clip.kind == "sequence" and destination.clip.depth == "float"


def _hair(render: Render, faces: Sequence[str]) -> Plane:
    """(H, W) the hair of some faces, 0 where there is none."""
    parts = [(layer, layer.matte) for layer in render.hair if layer.name in faces]
    return _half_matte(np.minimum(_placed(render, parts, 1), 1))


def _regions(
    suffix: str, render: Render, layers: Sequence[FaceLayer], stored: Callable[[F32], Plane]
) -> dict[str, Plane]:
    """The matte of each region of these faces; faces that overlap add up to no more than the matte."""
    found = {}
    for region in REGIONS:
        whole = _placed(render, [(layer, layer.regions[region]) for layer in layers if layer.regions], 1)
        found[f"region_{region}{suffix}.A"] = stored(np.minimum(whole, 1, out=whole))
    return found


def _uv(layer: str, render: Render, names: tuple[str, ...]) -> dict[str, Plane]:
    """The ST map of the face among ``names`` that is on this frame; zeros if none is."""
    window = render.frame.window
    place = next((place for place in render.faces if place.name in names), None)
    found = np.zeros((*window.shape, 2), np.float32) if place is None else st_map(place.to_frame, place.size, window)
    return {f"{layer}.{letter}": np.ascontiguousarray(found[..., index]) for index, letter in enumerate("RG")}


def _crop(render: Render, destination: Destination, as_float: bool) -> dict[str, Plane]:
    size, dtype = destination.crop_size, np.dtype(np.float32 if as_float else np.float16)
    places = (place for place in render.faces if place.name in destination.crop_pass_faces)
    picture = next((place.picture for place in places if place.picture is not None), None)
    if picture is None:
        black = np.zeros((size, size, 3), np.float32)
        return {"RGB": black.astype(dtype), "delta": black, "matte.A": np.zeros((size, size), np.float16)}
    return {"RGB": _cast(picture.plate, dtype), "delta": picture.delta, "matte.A": _half_matte(picture.matte)}


def _plate(render: Render, as_float: bool) -> Plane:
    """(H, W, 3): the plate's own samples where it is an EXR, else its light."""
    native = render.frame.native
    if native is not None and native.dtype in (np.dtype(np.float16), np.dtype(np.float32)):
        return np.ascontiguousarray(native)
    return _cast(render.frame.rgb, np.dtype(np.float32 if as_float else np.float16))


def _same(matte: F32) -> Plane:
    return matte


def _beauty(render: Render, as_float: bool) -> Plane:
    """(H, W, 3): the plate's own samples where the matte is 0, else the beauty rounded to the nearest."""
    native = render.frame.native
    dtype = np.dtype(np.float32 if as_float or (native is not None and native.dtype == np.float32) else np.float16)
    if native is None or native.dtype != dtype:
        return _cast(render.beauty, dtype)
    box = _touched(render.matte)
    if box is None:
        return np.ascontiguousarray(native)
    picture = native.copy()
    touched = render.matte[box] != 0
    picture[box][touched] = _cast(render.beauty[box][touched], dtype)
    return picture


def _cast(samples: F32, dtype: np.dtype[Any]) -> Plane:
    # Past 65504 half has only infinity; a comp shows that, a clamp would hide it.
    with np.errstate(all="ignore"):
        return samples.astype(dtype, copy=False)


def _touched(matte: F32) -> tuple[slice, slice] | None:
    """The rows and columns around all values that are not 0; None if all are 0."""
    found = extent(matte)
    return None if found.empty else found.slices(Window(0, 0, matte.shape[1], matte.shape[0]))


def _half_matte(matte: F32) -> Plane:
    half = np.zeros(matte.shape, np.float16)
    if (box := _touched(matte)) is not None:
        half[box] = matte[box]
    return half


def _placed(render: Render, parts: Sequence[tuple[FaceLayer | HairLayer, F32]], channels: int) -> F32:
    """A face's delta (H, W, 3) or matte (H, W) on the whole frame, zero outside its box."""
    shape = render.matte.shape
    whole = np.zeros((*shape, 3) if channels == 3 else shape, np.float32)
    for layer, part in parts:
        whole[layer.window.slices(render.frame.window)] += part
    return whole
