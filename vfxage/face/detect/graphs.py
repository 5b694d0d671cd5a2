"""MediaPipe's networks in graphs of vfxage's own. Only this module imports MediaPipe.

Nothing is downloaded: the wheel of ``mediapipe==0.10.21`` carries BlazeFace (Bazarevsky et al. 2019, short and full
range), FaceMesh with attention (Kartynnik et al. 2019, Grishchenko et al. 2020), the palm detector and the hand model
of MediaPipe Hands (Zhang et al. 2020), and the people segmentation. The graphs keep nothing between calls and run on
one thread each: the same picture gives the same bits, whatever was shown before.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from vfxage.errors import InstallError
from vfxage.process import muted_stderr
from vfxage.types import F32, HAND_POINTS, POINTS, U8

MESH_SIDE = 192
"""FaceMesh's input, pixels."""
HAND_SIDE = 224
"""The hand model's input, pixels."""
PERSON_SIDE = 256
"""The people segmentation's input, pixels."""


@dataclass(frozen=True, slots=True)
class Detector:
    """One BlazeFace or BlazePalm, as its published graph describes it."""

    model: str
    side: int
    boxes: int
    anchors: str
    low: int = -1
    """Input value of black; white is 1."""
    keys: int = 6
    """Key points of a box."""
    keys_used: tuple[int, int] = (0, 1)
    """Indices of the key points that are used."""


_FOUR_LAYERS = "num_layers: 4 strides: 8 strides: 16 strides: 16 strides: 16 interpolated_scale_aspect_ratio: 1"
FULL_RANGE = Detector(
    "face_detection/face_detection_full_range_sparse",
    192,
    2304,
    "num_layers: 1 strides: 4 interpolated_scale_aspect_ratio: 0",
)
SHORT_RANGE = Detector("face_detection/face_detection_short_range", 128, 896, _FOUR_LAYERS)
PALM = Detector("palm_detection/palm_detection_full", 192, 2016, _FOUR_LAYERS, low=0, keys=7, keys_used=(0, 2))
"""Its key points asked for: the wrist, and the knuckle of the middle finger."""


def _input_nodes(side: int, low: int) -> str:
    return f"""
input_stream: "image"
executor {{ type: "ThreadPoolExecutor" options {{ [mediapipe.ThreadPoolExecutorOptions.ext] {{ num_threads: 1 }} }} }}
node {{ calculator: "ToImageCalculator" input_stream: "IMAGE_CPU:image" output_stream: "IMAGE:picture" }}
node {{ calculator: "ImageToTensorCalculator" input_stream: "IMAGE:picture" output_stream: "TENSORS:input"
  options {{ [mediapipe.ImageToTensorCalculatorOptions.ext] {{ output_tensor_width: {side} output_tensor_height: {side}
    output_tensor_float_range {{ min: {low} max: 1 }} }} }} }}
"""


def _inference_node(model: str, resolver: str = "") -> str:
    return f"""
node {{ calculator: "InferenceCalculatorCpu" input_stream: "TENSORS:input" output_stream: "TENSORS:output" {resolver}
  options {{ [mediapipe.InferenceCalculatorOptions.ext] {{ model_path: "mediapipe/modules/{model}.tflite"
    delegate {{ xnnpack {{ num_threads: 1 }} }} }} }} }}
"""


def _mesh_graph() -> str:
    resolver = 'input_side_packet: "OP_RESOLVER:resolver"'
    return f"""
output_stream: "landmarks" output_stream: "score"
{_input_nodes(MESH_SIDE, 0)}
node {{ calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:resolver" }}
{_inference_node("face_landmark/face_landmark_with_attention", resolver)}
node {{ calculator: "SplitTensorVectorCalculator" input_stream: "output"
  output_stream: "mesh" output_stream: "flag"
  options {{ [mediapipe.SplitVectorCalculatorOptions.ext] {{
    ranges {{ begin: 0 end: 6 }} ranges {{ begin: 6 end: 7 }} }} }} }}
node {{ calculator: "TensorsToFloatsCalculator" input_stream: "TENSORS:flag" output_stream: "FLOAT:score"
  options {{ [mediapipe.TensorsToFloatsCalculatorOptions.ext] {{ activation: SIGMOID }} }} }}
node {{ calculator: "TensorsToFaceLandmarksWithAttention"
  input_stream: "TENSORS:mesh" output_stream: "LANDMARKS:landmarks" }}
"""


def _hand_graph() -> str:
    return f"""
output_stream: "landmarks" output_stream: "score"
{_input_nodes(HAND_SIDE, 0)}
{_inference_node("hand_landmark/hand_landmark_full")}
node {{ calculator: "SplitTensorVectorCalculator" input_stream: "output"
  output_stream: "hand" output_stream: "flag"
  options {{ [mediapipe.SplitVectorCalculatorOptions.ext] {{
    ranges {{ begin: 0 end: 1 }} ranges {{ begin: 1 end: 2 }} }} }} }}
node {{ calculator: "TensorsToFloatsCalculator" input_stream: "TENSORS:flag" output_stream: "FLOAT:score" }}
node {{ calculator: "TensorsToLandmarksCalculator"
  input_stream: "TENSORS:hand" output_stream: "NORM_LANDMARKS:landmarks"
  options {{ [mediapipe.TensorsToLandmarksCalculatorOptions.ext] {{ num_landmarks: {HAND_POINTS}
    input_image_width: {HAND_SIDE} input_image_height: {HAND_SIDE} normalize_z: 1 }} }} }}
"""


def _detector_graph(detector: Detector, threshold: float) -> str:
    side = detector.side
    return f"""
output_stream: "detections"
{_input_nodes(side, detector.low)}
{_inference_node(detector.model)}
node {{ calculator: "SsdAnchorsCalculator" output_side_packet: "anchors"
  options {{ [mediapipe.SsdAnchorsCalculatorOptions.ext] {{ input_size_width: {side} input_size_height: {side}
    min_scale: 0.1484375 max_scale: 0.75 anchor_offset_x: 0.5 anchor_offset_y: 0.5 aspect_ratios: 1
    fixed_anchor_size: true {detector.anchors} }} }} }}
node {{ calculator: "TensorsToDetectionsCalculator" input_stream: "TENSORS:output" input_side_packet: "ANCHORS:anchors"
  output_stream: "DETECTIONS:raw"
  options {{ [mediapipe.TensorsToDetectionsCalculatorOptions.ext] {{ num_classes: 1 num_boxes: {detector.boxes}
    num_coords: {4 + 2 * detector.keys} x_scale: {side} y_scale: {side} w_scale: {side} h_scale: {side}
    keypoint_coord_offset: 4 num_keypoints: {detector.keys} num_values_per_keypoint: 2
    box_coord_offset: 0 reverse_output_order: true sigmoid_score: true
    score_clipping_thresh: 100 min_score_thresh: {threshold} }} }} }}
node {{ calculator: "NonMaxSuppressionCalculator" input_stream: "raw" output_stream: "detections"
  options {{ [mediapipe.NonMaxSuppressionCalculatorOptions.ext] {{ min_suppression_threshold: 0.3
    overlap_type: INTERSECTION_OVER_UNION algorithm: WEIGHTED }} }} }}
"""


_PERSON_GRAPH = """
input_stream: "image"
output_stream: "mask"
node { calculator: "ConstantSidePacketCalculator" output_side_packet: "PACKET:selection"
  options { [mediapipe.ConstantSidePacketCalculatorOptions.ext] { packet { int_value: 0 } } } }
node { calculator: "SelfieSegmentationCpu" input_stream: "IMAGE:image" input_side_packet: "MODEL_SELECTION:selection"
  output_stream: "SEGMENTATION_MASK:mask" }
"""


def _import_mediapipe() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside its own dependencies
            import mediapipe
    except ImportError as error:
        raise InstallError(
            f"MediaPipe does not load ({error})",
            fix="install its system libraries: apt-get install libgl1 libegl1 libgles2 libglib2.0-0",
        ) from error
    return mediapipe


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, RuntimeError, ValueError) as error:  # another version, a graph that fails, one it refuses
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InstallError(f"MediaPipe fails {doing} ({first})", fix="reinstall mediapipe==0.10.21") from error


class Graph:
    """A running MediaPipe graph that takes one picture at a time; close it when done."""

    def __init__(self, text: str, outputs: tuple[str, ...], side: int) -> None:
        with muted_stderr(), _translated("to start its networks"):
            self._mediapipe = _import_mediapipe()
            self._mediapipe.resource_util.set_resource_dir(str(Path(self._mediapipe.__file__).parents[1]))
            self._graph = self._mediapipe.CalculatorGraph(graph_config=text)
            self._packets: dict[str, Any] = {}
            self._time = 0
            for name in outputs:
                self._graph.observe_output_stream(name, self._packets.__setitem__)
            self._graph.start_run()
            self._run(np.zeros((side, side, 3), np.uint8))  # TFLite prints its messages at the first picture

    def run(self, picture: U8) -> dict[str, Any]:
        """Give each output's packet for ``picture`` (side, side, 3) sRGB; an output without an answer is absent.

        Raises InstallError if MediaPipe fails.
        """
        with _translated("on a picture"):
            return self._run(picture)

    def _run(self, picture: U8) -> dict[str, Any]:
        self._packets.clear()
        self._time += 1
        image = self._mediapipe.packet_creator.create_image_frame(
            picture, image_format=self._mediapipe.ImageFormat.SRGB, copy=True
        )
        self._graph.add_packet_to_input_stream("image", image.at(self._time))
        self._graph.wait_until_idle()
        return self._packets

    def close(self) -> None:
        """Stop the graph's thread."""
        with muted_stderr():
            self._graph.close()


class Network:
    """One network in a graph of its own; close it when done."""

    def __init__(self, graph: str, outputs: tuple[str, ...], side: int) -> None:
        self._graph = Graph(graph, outputs, side)
        self._getter = self._graph._mediapipe.packet_getter

    def close(self) -> None:
        """Stop the network."""
        self._graph.close()


class OpenNetworks(ABC):
    """Networks that are open inside a ``with`` block. All are closed at its end, or if one of them does not start."""

    @abstractmethod
    def _open(self, stack: ExitStack) -> None:
        """Start the networks; ``stack`` closes them."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class MarksNetwork(Network):
    """A square crop to the landmarks of what it shows, and a score."""

    def __init__(self, graph: str, side: int, points: int) -> None:
        self._side, self._points = side, points
        super().__init__(graph, ("landmarks", "score"), side)

    def __call__(self, crop: U8) -> tuple[F32, float]:
        """Landmarks (N, 3) in crop pixels (z in the same unit, smaller is nearer), and its confidence 0..1."""
        packets = self._graph.run(crop)
        marks = self._getter.get_proto(packets["landmarks"]).landmark
        points = np.array([(mark.x, mark.y, mark.z) for mark in marks], np.float32)
        if points.shape != (self._points, 3):
            raise InstallError(f"MediaPipe answered {points.shape} landmarks", fix="install mediapipe==0.10.21")
        return points * np.float32(self._side), float(self._getter.get_float(packets["score"]))


class MeshNetwork(MarksNetwork):
    """FaceMesh with attention: 478 points of a face."""

    def __init__(self) -> None:
        super().__init__(_mesh_graph(), MESH_SIDE, POINTS)


class HandNetwork(MarksNetwork):
    """The hand model: 21 points of a hand, the wrist first, then each finger from its root."""

    def __init__(self) -> None:
        super().__init__(_hand_graph(), HAND_SIDE, HAND_POINTS)


class BoxNetwork(Network):
    """BlazeFace or BlazePalm: a square tile to boxes with key points and scores."""

    def __init__(self, detector: Detector, threshold: float) -> None:
        self.side = detector.side
        self._keys_used = detector.keys_used
        super().__init__(_detector_graph(detector, threshold), ("detections",), detector.side)

    def __call__(self, tile: U8) -> F32:
        """(N, 9) tile pixels: x0 y0 x1 y1, two key points x y (a face's right and left eye), score 0..1."""
        packets = self._graph.run(tile)
        if "detections" not in packets:
            return np.empty((0, 9), np.float32)
        rows = []
        for found in self._getter.get_proto_list(packets["detections"]):
            box, keys = found.location_data.relative_bounding_box, found.location_data.relative_keypoints
            corners = (box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height)
            one, other = (keys[index] for index in self._keys_used)
            rows.append((*corners, one.x, one.y, other.x, other.y))
            rows[-1] = (*(value * self.side for value in rows[-1]), found.score[0])
        return np.array(rows, np.float32).reshape(-1, 9)


class PersonNetwork(Network):
    """The people segmentation of MediaPipe: a square picture to a matte of the person."""

    def __init__(self) -> None:
        super().__init__(_PERSON_GRAPH, ("mask",), PERSON_SIDE)

    def __call__(self, picture: U8) -> F32:
        """(PERSON_SIDE, PERSON_SIDE) 0..1 for a picture (PERSON_SIDE, PERSON_SIDE, 3), sRGB."""
        mask = self._getter.get_image_frame(self._graph.run(picture)["mask"])
        return np.array(mask.numpy_view(), np.float32)
