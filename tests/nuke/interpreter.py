"""A little Nuke: reads a script, wires its nodes by the stack, and evaluates them on real pixels with numpy.

Written from Nuke's documentation (reference guide, "Knob Math Expressions") and from scripts that people publish; it
shares nothing with what it tests. Pictures are float32; a picture's box is its data window, beyond which it is 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as Ocio
from scipy import ndimage

from tests.nuke import tcl
from vfxage.colour.config import BUILTIN

COLOURS = ("red", "green", "blue", "alpha")
Box = tuple[int, int, int, int]


@dataclass
class Picture:
    box: Box
    """Left, top, right, bottom in display-window pixels, y down."""
    channels: dict[str, np.ndarray]

    def over(self, box: Box, channel: str) -> np.ndarray:
        """One channel on a box that holds this picture's."""
        whole = np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
        if channel in self.channels:
            x, y = self.box[0] - box[0], self.box[1] - box[1]
            whole[y : y + self.box[3] - self.box[1], x : x + self.box[2] - self.box[0]] = self.channels[channel]
        return whole

    def rgb(self) -> np.ndarray:
        return np.stack([self.over(self.box, f"rgba.{c}") for c in COLOURS[:3]], axis=-1)


@dataclass(eq=False)
class Node:
    kind: str
    knobs: dict[str, str]
    inputs: list[Node | None] = field(default_factory=list)
    user: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.knobs["name"]


class Script:
    def __init__(self, path: Path) -> None:
        self.nodes: dict[str, Node] = {}
        self.root: dict[str, str] = {}
        self.layers: dict[str, list[str]] = {"rgba": [f"rgba.{c}" for c in COLOURS]}
        self.version = ""
        self._stack: list[Node | None] = []
        self._variables: dict[str, Node | None] = {}
        text = path.read_text(encoding="utf-8")
        # Commands run one by one: what `set` names, the next `push` must find.
        for line in _split(text):
            for words in tcl.commands(line, self._variable, self._command):
                self._run(words)

    def _variable(self, name: str) -> str:
        return f"@{name}" if name in self._variables else _missing(name)

    def _command(self, text: str) -> str:
        assert text == "stack 0", text
        return "@@top"

    def _run(self, words: list[str]) -> None:
        match words:
            case ["version", number, _]:
                self.version = number
            case ["Root", body]:
                self.root = _pairs(body)[0]
            case ["add_layer", body]:
                layer, *channels = tcl.elements(body)
                self.layers[layer] = channels
            case ["set", name, "@@top"]:
                self._variables[name] = self._stack[-1]
            case ["push", "0"]:
                self._stack.append(None)
            case ["push", name]:
                self._stack.append(self._variables[name.removeprefix("@")])
            case [kind, body] if kind[0].isupper():
                self._node(kind, body)
            case _:
                raise ValueError(f"unknown command {words}")

    def _node(self, kind: str, body: str) -> None:
        knobs, user = _pairs(body)
        node = Node(kind, knobs, user=user)
        for _ in range(int(knobs.get("inputs", "1"))):
            node.inputs.append(self._stack.pop())
        assert node.name not in self.nodes, f"two nodes are called {node.name}"
        self.nodes[node.name] = node
        self._stack.append(node)

    # Knobs

    def set(self, name: str, value: float) -> None:
        """Turn a knob, as an artist does."""
        node, knob = name.split(".")
        assert knob in self.nodes[node].knobs, f"{node} has no {knob}"
        self.nodes[node].knobs[knob] = str(value)

    def value(self, node: Node, knob: str, frame: float = 0, default: float = 0.0) -> float:
        text = node.knobs.get(knob)
        if text is None:
            return default
        if text.startswith("{"):
            (inside,) = tcl.elements(text)
            if inside.startswith("curve"):
                return animated(inside, frame)
            return float(Expression(inside, lambda name: self._named(node, name, frame)).value)
        return float({"true": 1, "false": 0}.get(text, text))

    def _named(self, node: Node, name: str, frame: float) -> float:
        owner, _, knob = name.rpartition(".")
        target = self.nodes[owner] if owner else node
        assert knob in target.knobs, f"{name} is no knob"
        return self.value(target, knob, frame)

    # Pictures

    def render(self, name: str, frame: int) -> Picture:
        self._made: dict[str, Picture] = {}
        return self._picture(self.nodes[name], frame)

    def _picture(self, node: Node, frame: int) -> Picture:
        if node.name not in self._made:
            self._made[node.name] = self._make(node, frame)
        return self._made[node.name]

    def _make(self, node: Node, frame: int) -> Picture:
        if node.knobs.get("disable") and self.value(node, "disable", frame):
            return self._picture(node.inputs[0], frame)
        if node.kind == "Switch":
            return self._picture(node.inputs[int(self.value(node, "which", frame))], frame)
        inputs = [self._picture(item, frame) for item in node.inputs if item is not None]
        return getattr(self, f"_do_{node.kind.lower()}")(node, frame, *inputs)

    def _do_read(self, node: Node, frame: int) -> Picture:
        knobs = node.knobs
        assert knobs["raw"] == "true"
        width, height, *_, aspect, _ = knobs["format"].split()
        box = (0, 0, int(width), int(height))
        if knobs.get("frame_mode") == "start at":
            frame = frame - int(knobs["frame"]) + int(knobs["first"])
        if not int(knobs["first"]) <= frame <= int(knobs["last"]):
            assert knobs.get("before") == knobs.get("after") == "black"
            return Picture(box, {})
        path = tcl.substituted(knobs["file"])
        if "%" in path:
            path = path % frame
        if path.endswith((".mp4", ".mov")):
            return Picture(box, _movie(path, frame))
        picture, size, file_aspect = _image(path)
        assert (size, file_aspect) == (box[2:], float(aspect)), "the format is not the file's"
        return picture

    def _do_copy(self, node: Node, frame: int, b: Picture, a: Picture) -> Picture:
        box = _union(a.box, b.box)
        out = {name: b.over(box, name) for name in b.channels}
        for index in range(4):
            if (origin := node.knobs.get(f"from{index}")) is None:
                continue
            assert origin in self.layers[origin.split(".")[0]], f"{origin} was not added"
            if a.channels:  # a black frame has none
                assert origin in a.channels, f"the file has no {origin}"
            out[node.knobs[f"to{index}"]] = a.over(box, origin)
        return Picture(box, out)

    def _do_merge2(self, node: Node, frame: int, b: Picture, a: Picture) -> Picture:
        box = b.box if node.knobs.get("bbox") == "B" else _union(a.box, b.box)
        assert _union(a.box, b.box) == box, "the box of B cuts A"
        wanted = [f"rgba.{c}" for c in COLOURS[: 3 if node.knobs.get("output") == "rgb" else 4]]
        out = {name: b.over(box, name) for name in b.channels}
        for name in wanted:
            under, above = b.over(box, name), a.over(box, name)
            with np.errstate(invalid="ignore"):
                out[name] = {"plus": under + above, "from": under - above}[node.knobs["operation"]]
        return Picture(box, out)

    def _do_mergeexpression(self, node: Node, frame: int, b: Picture, a: Picture) -> Picture:
        box = _union(a.box, b.box)
        letters = dict(zip("rgba", COLOURS, strict=True))

        def named(name: str) -> np.ndarray:
            source = {"A": a, "B": b}[name[0]]
            if "." in name:
                assert name[1:] in source.channels, f"there is no {name}"
                return source.over(box, name[1:])
            return source.over(box, f"rgba.{letters[name[1]]}")

        out = {name: b.over(box, name) for name in b.channels}
        for index, colour in enumerate(COLOURS):
            if f"expr{index}" in node.knobs:
                out[f"rgba.{colour}"] = Expression(node.knobs[f"expr{index}"], named).value.astype(np.float32)
        return Picture(box, out)

    def _do_multiply(self, node: Node, frame: int, source: Picture) -> Picture:
        assert node.knobs["channels"] == "rgb"
        gain = np.float32(self.value(node, "value", frame, 1.0))
        return _changed(source, {c: source.over(source.box, c) * gain for c in _rgb()})

    def _do_saturation(self, node: Node, frame: int, source: Picture) -> Picture:
        amount = np.float32(self.value(node, "saturation", frame, 1.0))
        red, green, blue = (source.over(source.box, c) for c in _rgb())
        luma = np.float32(0.2126) * red + np.float32(0.7152) * green + np.float32(0.0722) * blue
        mixed = [luma * (1 - amount) + c * amount for c in (red, green, blue)]
        return _changed(source, dict(zip(_rgb(), mixed, strict=True)))

    def _do_filtererode(self, node: Node, frame: int, source: Picture) -> Picture:
        assert node.knobs["channels"] == "alpha"
        size = round(self.value(node, "size", frame, 1.0))
        filtered = ndimage.grey_erosion if size >= 0 else ndimage.grey_dilation
        reach = 2 * abs(size) + 1
        alpha = filtered(source.over(source.box, "rgba.alpha"), (reach, reach), mode="nearest")
        return _changed(source, {"rgba.alpha": alpha})

    def _do_blur(self, node: Node, frame: int, source: Picture) -> Picture:
        assert node.knobs["channels"] == "alpha"
        sigma = self.value(node, "size", frame) / 2
        return _changed(source, {"rgba.alpha": ndimage.gaussian_filter(source.over(source.box, "rgba.alpha"), sigma)})

    def _do_ociocolorspace(self, node: Node, frame: int, source: Picture) -> Picture:
        path = self.root.get("customOCIOConfigPath")
        config = Ocio.Config.CreateFromFile(tcl.substituted(path) if path else f"ocio://{BUILTIN}")
        processor = config.getProcessor(node.knobs["in_colorspace"], node.knobs["out_colorspace"])
        pixels = np.ascontiguousarray(source.rgb())
        processor.getOptimizedCPUProcessor(Ocio.OPTIMIZATION_LOSSLESS).applyRGB(pixels)
        return _changed(source, {c: pixels[..., k] for k, c in enumerate(_rgb())})

    def _do_dot(self, node: Node, frame: int, source: Picture) -> Picture:
        return source

    _do_viewer = _do_dot


class Expression:
    """Nuke's knob math, as much as is used: c ? a : b, comparisons, + - * /, names with dots."""

    def __init__(self, text: str, named) -> None:
        self._tokens = re.findall(r"\d+\.?\d*|[A-Za-z_][\w.]*|==|>|<|[-+*/()?:]", text)
        assert "".join(self._tokens) == re.sub(r"\s", "", text), text
        self._named = named
        with np.errstate(all="ignore"):
            self.value = self._choice()
        assert not self._tokens, text

    def _take(self, *choices: str) -> str | None:
        return self._tokens.pop(0) if self._tokens and self._tokens[0] in choices else None

    def _choice(self):
        condition = self._compared()
        if not self._take("?"):
            return condition
        yes = self._choice()
        assert self._take(":")
        return np.where(condition, yes, self._choice())

    def _compared(self):
        left = self._sum()
        sign = self._take("==", ">", "<")
        if sign is None:
            return left
        right = self._sum()
        compared: dict[str, np.ufunc] = {"==": np.equal, ">": np.greater, "<": np.less}
        return compared[sign](left, right)

    def _sum(self):
        left = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            left = left + right if sign == "+" else left - right
        return left

    def _product(self):
        left = self._atom()
        while sign := self._take("*", "/"):
            right = self._atom()
            left = left * right if sign == "*" else left / right
        return left

    def _atom(self):
        if self._take("("):
            value = self._choice()
            assert self._take(")")
            return value
        if self._take("-"):
            return -self._atom()
        token = self._tokens.pop(0)
        return np.float32(token) if token[0].isdigit() else self._named(token)


def keys(text: str) -> dict[int, float]:
    """Frame to value of "curve x1 3 x2 4"; a value without a frame of its own is on the next."""
    word, *rest = text.split()
    assert word == "curve"
    found: dict[int, float] = {}
    frame = 0
    for token in rest:
        if token in ("K", "L"):
            continue
        if token.startswith("x"):
            frame = int(token[1:])
        else:
            found[frame] = float(token)
            frame += 1
    return found


def animated(text: str, frame: float) -> float:
    points = keys(text)
    if text.split()[1] == "K":
        return points[max([f for f in points if f <= frame], default=min(points))]
    return float(np.interp(frame, list(points), list(points.values())))


def _split(text: str) -> list[str]:
    """The script cut after each command, so that each sees what those before did."""
    pieces, depth, start = [], 0, 0
    for match in re.finditer(r"\\.|[{}\n]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if match[0] == "\n" and depth == 0:
            pieces.append(text[start : match.end()])
            start = match.end()
    assert depth == 0, "braces do not match"
    return [*pieces, text[start:]]


def _missing(name: str) -> str:
    raise ValueError(f"${name} is not set")


def _pairs(body: str) -> tuple[dict[str, str], list[str]]:
    words = tcl.elements(body)
    assert len(words) % 2 == 0, f"a knob without a value: {words}"
    knobs: dict[str, str] = {}
    user = []
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "addUserKnob":
            user.append(value)
        else:
            assert name not in knobs, f"{name} twice"
            knobs[name] = value
    return knobs, user


def _rgb() -> list[str]:
    return [f"rgba.{c}" for c in COLOURS[:3]]


def _changed(source: Picture, channels: dict[str, np.ndarray]) -> Picture:
    return Picture(source.box, {**source.channels, **channels})


def _union(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _channel(name: str) -> str:
    """Nuke's name of an EXR's channel."""
    layer, _, channel = name.rpartition(".")
    layer = re.sub(r"[^A-Za-z0-9]", "_", layer.lstrip("0123456789"))
    colour = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}.get(channel, channel)
    return f"{layer or 'rgba'}.{colour}"


def _image(path: str) -> tuple[Picture, tuple[int, int], float]:
    image = oiio.ImageInput.open(path)
    assert image is not None, oiio.geterror()
    spec = image.spec()
    pixels = np.asarray(image.read_image(oiio.FLOAT)).reshape(spec.height, spec.width, spec.nchannels)
    image.close()
    x, y = spec.x - spec.full_x, spec.y - spec.full_y
    channels = {_channel(name): pixels[..., k].copy() for k, name in enumerate(spec.channelnames)}
    aspect = float(spec.getattribute("PixelAspectRatio") or 1)
    return Picture((x, y, x + spec.width, y + spec.height), channels), (spec.full_width, spec.full_height), aspect


def _movie(path: str, frame: int) -> dict[str, np.ndarray]:
    with av.open(path) as container:
        for number, decoded in enumerate(container.decode(video=0), start=1):
            if number == frame:
                pixels = decoded.to_ndarray(format="rgb24", src_colorspace="ITU709").astype(np.float32) / 255
                return {c: pixels[..., k] for k, c in enumerate(_rgb())}
    raise AssertionError(f"{path} has no frame {frame}")
