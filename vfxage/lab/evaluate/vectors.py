"""Networks that others made and the user supplies as ONNX files: a picture in, a vector out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from vfxage.ager.onnx_file import OnnxFile, open_session, read_onnx, run
from vfxage.errors import ModelError
from vfxage.geometry import crop_transform, map_points, turn_matrix, warp_to_crop
from vfxage.types import F32, F64, Framing, Window

Pixels = Literal["-1..1", "0..1", "0..255", "imagenet"]
"""Encoding of a network's RGB input; "imagenet" is (0..1 minus ImageNet's mean) / ImageNet's deviation."""

_IMAGENET = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
_ARCFACE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
"""ArcFace's positions (Deng et al. 2019) of eyes, nose tip and mouth corners in a square of 112 pixels."""
_FIVE = (468, 473, 1, 61, 291)
"""The same five on the mesh: irises, nose, mouth, the picture's left first."""
_LARGEST = 1024


class _Network:
    """One session on the CPU, one thread, so that its answers do not depend on the machine's load."""

    def __init__(self, path: Path, pixels: Pixels, side: int) -> None:
        self._path, self._pixels = path, pixels
        file = read_onnx(path)
        self._name = _only_input(file)
        self._channels_first, self.side = _layout(file, side)
        self._session = open_session(file, "cpu")

    def __call__(self, rgb: F32) -> F64:
        """The first output for one picture (side, side, 3), sRGB 0..1, as a flat vector."""
        picture = _encoded(rgb, self._pixels)
        batch = np.ascontiguousarray(picture.transpose(2, 0, 1) if self._channels_first else picture)[None]
        vector = np.asarray(run(self._session, {self._name: batch}, self._path))
        if vector.dtype.kind != "f" or vector.size == 0 or vector.shape[:1] not in ((), (1,)):
            what = f"answers {vector.dtype} numbers of shape {'x'.join(map(str, vector.shape)) or 1} to one picture"
            raise ModelError(what, path=self._path, fix="name a network that gives one vector of floats")
        if not np.isfinite(vector).all():
            raise ModelError("answers NaN or Inf", path=self._path, fix="check --embedder-pixels and --age-pixels")
        return vector.astype(np.float64).ravel()


class Embedder:
    """Identity embedder: gives unit vectors whose scalar product is the likeness of two faces."""

    def __init__(self, path: Path, pixels: Pixels = "-1..1") -> None:
        """Open the file; raises InstallError without the extra ``onnx``, ModelError for another kind of network."""
        self._network = _Network(path, pixels, 112)
        self._path = path

    def __call__(self, rgb: F32, points: F32) -> F64:
        """Embed a picture (S, S, 3) with its mesh (478, 2): a unit vector."""
        side = self._network.side
        where = similarity(_ARCFACE * (side / 112), points[list(_FIVE)])
        vector = self._network(np.clip(warp_to_crop(rgb, _whole(rgb), where, side), 0, 1))
        length = float(np.linalg.norm(vector))
        if vector.size < 2 or length == 0:
            raise ModelError(f"answers {vector.size} numbers of length {length:g}", path=self._path, fix=_EMBEDDING)
        return np.asarray(vector / length, np.float64)


_EMBEDDING = "name a network that gives an embedding, such as ArcFace"


class AgeEstimator:
    """Age estimator: the age that an external network reads."""

    def __init__(self, path: Path, pixels: Pixels = "0..255") -> None:
        """Open the file; raises InstallError without the extra ``onnx``, ModelError for another kind of network."""
        self._network = _Network(path, pixels, 224)
        self._path = path

    def __call__(self, rgb: F32, points: F32) -> float:
        """Years, of a picture (S, S, 3) with its mesh (478, 2), cut as FFHQ does.

        An answer of one number is years; of three, InsightFace's sex and age over 100; of 101, one score for each year
        from 0 (Rothe et al. 2015): probabilities, or scores for a softmax.
        """
        side = self._network.side
        where = crop_transform(points, Framing(name="ffhq"), side)
        vector = self._network(np.clip(warp_to_crop(rgb, _whole(rgb), where, side), 0, 1))
        if vector.size == 1:
            return float(vector[0])
        if vector.size == 3:
            return 100 * float(vector[2])
        if vector.size == 101:
            return float(_shares(vector) @ np.arange(101))
        what = f"answers {vector.size} numbers"
        raise ModelError(what, path=self._path, fix="name one that gives 1 (years), 3 (InsightFace) or 101 (DEX)")


def _shares(scores: F64) -> F64:
    if scores.min() >= 0 and abs(scores.sum() - 1) < 1e-3:
        return scores
    power = np.exp(scores - scores.max())
    return np.asarray(power / power.sum(), np.float64)


def similarity(source: F64 | F32, target: F64 | F32) -> F64:
    """The similarity (2, 3) that takes points (N, 2) nearest to others by least squares; it never mirrors."""
    own, other = source - source.mean(axis=0), target - target.mean(axis=0)
    power = float(np.square(own).sum())
    a = float((own * other).sum()) / power
    b = float((own[:, 0] * other[:, 1] - own[:, 1] * other[:, 0]).sum()) / power
    linear = turn_matrix(a, b)
    shift = target.mean(axis=0) - map_points(source.mean(axis=0)[None], np.column_stack([linear, np.zeros(2)]))[0]
    return np.column_stack([linear, shift])


def _whole(rgb: F32) -> Window:
    return Window(0, 0, rgb.shape[1], rgb.shape[0])


def _encoded(rgb: F32, pixels: Pixels) -> F32:
    if pixels == "imagenet":
        mean, deviation = _IMAGENET
        return np.asarray((rgb - mean) / deviation, np.float32)
    scale, shift = {"-1..1": (2.0, -1.0), "0..1": (1.0, 0.0), "0..255": (255.0, 0.0)}[pixels]
    return np.asarray(rgb * np.float32(scale) + np.float32(shift), np.float32)


def _only_input(file: OnnxFile) -> str:
    """The name of the picture's input."""
    if len(file.inputs) != 1 or file.inputs[0].kind != "float":
        inputs = ", ".join(map(str, file.inputs)) or "nothing"
        raise ModelError(f"takes {inputs}", path=file.path, fix="name a network that takes one picture of floats")
    return file.inputs[0].name


def _layout(file: OnnxFile, side: int) -> tuple[bool, int]:
    """Whether channels come first, and the picture's side; ``side`` if the network takes any."""
    shape = file.inputs[0].shape
    if len(shape) == 4 and shape[0] in (1, None):
        for first, channels, sides in ((True, shape[1], shape[2:]), (False, shape[3], shape[1:3])):
            fixed = {one for one in sides if one is not None}
            if channels == 3 and len(fixed) <= 1 and all(16 <= one <= _LARGEST for one in fixed):
                return first, fixed.pop() if fixed else side
    fix = "name a network that takes one square RGB picture, 1x3xSxS or 1xSxSx3"
    raise ModelError(f"takes {file.inputs[0]}", path=file.path, fix=fix)
