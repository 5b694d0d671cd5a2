"""Builds the comp of a shot from Nuke nodes: the plate plus one delta for each face, with knobs for the artist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vfxage import __version__
from vfxage.errors import OutputError
from vfxage.frames import FrameRange, Pattern
from vfxage.nuke.points import track_nodes
from vfxage.nuke.script import Node, identifier, link, literal, picture_format, word, write
from vfxage.nuke.sources import Sources
from vfxage.publish import check_writable
from vfxage.render.job import Job
from vfxage.render.scene import Scene
from vfxage.shot import Face, Keyed, Output

NUKE = "13.0 v1"
"""The oldest Nuke whose nodes the script uses; newer ones open it."""

_FILE_TYPES = {".exr": "exr", ".dpx": "dpx", ".tif": "tiff", ".tiff": "tiff", ".png": "png"}
_FILE_TYPES |= {".jpg": "jpeg", ".jpeg": "jpeg"}
_COLOURS = ("red", "green", "blue")
_ON_ERROR = {"error": "error", "black": "black", "hold": "nearest frame"}
"""A Read node's setting for missing frames, by the shot's ``missing_frames``."""
_COLUMN, _ROW = 220, 90
"""Pixels from one node to the next in the node graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Branch:
    """One branch of the comp: the delta and matte of one face, or of all faces."""

    title: str
    knob: str = ""
    """Prefix of its knobs on the control node: "lead_", or empty if there is only one branch."""
    layer: str = ""
    """Suffix of its layers: "_lead", or empty for delta and matte."""
    node: str = ""
    """Suffix of its nodes' names."""
    rest: bool = False
    """Whether this branch is delta and matte minus those of the other branches."""


def script_path(job: Job, out: Path | None, *, overwrite: bool) -> Path:
    """The path of the script: ``out``, else beside the outputs.

    Raises OutputError for a wrong name, or if the file exists and ``overwrite`` is false: it may be an artist's work.
    """
    path = (out or job.folder / f"{job.name}.nk").absolute()
    if path.suffix != ".nk" or path.is_dir():
        raise OutputError("is not a name for a Nuke script", path=path, fix="name a file such as comp.nk")
    if path.exists() and not overwrite:
        raise OutputError("exists already", path=path, fix="choose another path, or use --overwrite to replace it")
    check_writable(path.parent)
    return path


def comp_script(job: Job, sources: Sources, scene: Scene | None) -> str:
    """Return the comp as a Nuke script; ``scene`` adds the tracks if the shot is tracked.

    With default knobs the node ``aged`` equals the rendered beauty: ``plate + delta`` in the plate's linear space.
    """
    branches = _branches(job)
    comp = _Comp(job, sources, branches)
    return write(_header(job, sources, branches), comp.build(scene))


def _branches(job: Job) -> list[_Branch]:
    """One branch for each named face if there are several, like the layers of the passes; else one for all faces."""
    names = [face.name for face in job.shot.faces if face.name]
    if len(names) < 2:
        return [_Branch(title=names[0] if names else "every face")]
    branches = [_Branch(title=name, knob=f"{name}_", layer=f"_{name}", node=f"_{name}") for name in names]
    if len(names) < len(job.shot.faces):  # a face's name begins with a letter, so it cannot be _others
        branches.append(_Branch(title="others", knob="_others_", node="__others", rest=True))
    return branches


def _outputs(sources: Sources) -> list[Output]:
    """The outputs that the script reads, each once."""
    found = [sources.delta, sources.matte, sources.beauty, sources.plate, sources.hair]
    return list({id(output): output for output in found if output is not None}.values())


def _header(job: Job, sources: Sources, branches: Sequence[_Branch]) -> list[str]:
    clip, numbers = job.clip, job.numbers
    fps = f"{float(clip.rate):.3f}".rstrip("0").rstrip(".") if clip.rate else None
    config = [" OCIO_config custom", f" customOCIOConfigPath {literal(job.shot.ocio)}"] if job.shot.ocio else []
    layers = [
        line
        for suffix in dict.fromkeys(["", *(branch.layer for branch in branches)])
        for line in (
            _add_layer(f"delta{suffix}", _COLOURS),
            *([_add_layer(f"matte{suffix}", ["alpha"])] if sources.matte else []),
            *([_add_layer(f"delta_raw{suffix}", _COLOURS)] if sources.raw else []),
            *([_add_layer(f"matte_hair{suffix}", ["alpha"])] if sources.hair else []),
        )
    ]
    layers += [_add_layer("plate", _COLOURS)] if sources.plate else []
    return [
        f"#! vfxage {__version__}: the comp of {word(job.name)}",
        f"version {NUKE}",
        "Root {",
        " inputs 0",
        f" frame {numbers[0]}",
        f" first_frame {numbers[0]}",
        f" last_frame {numbers[-1]}",
        " lock_range true",
        *([f" fps {fps}"] if fps else []),
        f" format {_format(job)}",
        " colorManagement OCIO",
        *config,
        "}",
        *layers,
    ]


def _add_layer(name: str, channels: Sequence[str]) -> str:
    return f"add_layer {{{' '.join([name, *(f'{name}.{channel}' for channel in channels)])}}}"


def _format(job: Job) -> str:
    """The display window with its pixel aspect; the data windows are in the files."""
    return picture_format(job.clip.width, job.clip.height, job.clip.pixel_aspect, "plate")


class _Comp:
    """Builds the nodes of the script, each after its inputs."""

    def __init__(self, job: Job, sources: Sources, branches: Sequence[_Branch]) -> None:
        self._job, self._sources, self._branches = job, sources, branches
        self._control = f"age_{identifier(job.name)}"
        self._nodes: list[Node] = []
        self._readers: dict[int, Node] = {}

    def build(self, scene: Scene | None) -> list[Node]:
        """Make every node; ``scene`` adds the tracks."""
        self._notes_and_knobs()
        for index, output in enumerate(_outputs(self._sources), 1):
            self._readers[id(output)] = self._read(output, index)
        plate = comp = self._plate()
        deltas: list[Node] = []
        for column, branch in enumerate(self._branches, 1):
            delta = self._delta(branch, column)
            deltas.append(self._minus(delta, deltas) if branch.rest else delta)
        for column, (branch, delta) in enumerate(zip(self._branches, deltas, strict=True), 1):
            aged = self._adjusted(delta, branch, at=(column * _COLUMN, 3 * _ROW))
            plus = [("operation", "plus"), ("bbox", "B"), ("output", "rgb")]
            comp = self._add("Merge2", f"plus{branch.node}", plus, inputs=(comp, aged), at=(0, (8 + column) * _ROW))
        self._hair()
        self._finish(comp, row=9 + len(self._branches))
        if scene is not None:
            at = ((len(self._branches) + 3) * _COLUMN, 0)
            self._nodes += track_nodes(self._job, scene, plate, _format(self._job), at=at)
        return self._nodes

    def _add(
        self,
        kind: str,
        name: str,
        knobs: Sequence[tuple[str, str]] = (),
        *,
        inputs: Sequence[Node] = (),
        at: tuple[int, int] = (0, 0),
    ) -> Node:
        node = Node(kind=kind, name=name, knobs=tuple(knobs), inputs=tuple(inputs), at=at)
        self._nodes.append(node)
        return node

    def _reader(self, output: Output) -> Node:
        return self._readers[id(output)]

    def _read(self, output: Output, index: int) -> Node:
        """A Read of one output, without colour conversion and black outside the shot."""
        numbers, space = self._job.numbers, self._sources.space
        knobs = _file(self._job, output.path, numbers[0], numbers[-1])
        knobs += [("before", "black"), ("after", "black"), ("on_error", "error")]
        knobs += [("colorspace", word(space))] if space else []
        name = "Read_passes" if index == 1 else f"Read_passes{index}"
        return self._add("Read", name, [*knobs, ("raw", "true")], at=(index * _COLUMN, 0))

    def _plate(self) -> Node:
        """The linear plate, in the colour space of the passes."""
        if self._sources.plate is not None:
            return self._layer("plate_linear", "plate", self._reader(self._sources.plate), at=(0, _ROW))
        job, clip = self._job, self._job.clip
        movie = clip.kind == "movie"
        ends = (1, clip.last - clip.first + 1) if movie else (clip.first, clip.last)
        knobs = _file(job, clip.path, *ends)
        if movie and clip.first != 1:
            knobs += [("frame_mode", '"start at"'), ("frame", str(clip.first))]
        knobs += [("on_error", word(_ON_ERROR[job.shot.missing_frames]))]
        plate = self._add("Read", "Read_plate", [*knobs, ("colorspace", word(job.colour.name)), ("raw", "true")])
        if self._sources.space in (None, job.colour.name):
            return plate
        return self._convert("plate_linear", job.colour.name, str(self._sources.space), plate, at=(0, _ROW))

    def _convert(self, name: str, source: str, target: str, node: Node, at: tuple[int, int]) -> Node:
        knobs = [("in_colorspace", word(source)), ("out_colorspace", word(target))]
        return self._add("OCIOColorSpace", name, knobs, inputs=(node,), at=at)

    def _layer(self, name: str, layer: str, source: Node, at: tuple[int, int], matte: str | None = None) -> Node:
        """Copy a layer to rgb. Alpha comes from the layer ``matte``, or is the source's alpha."""
        pairs = [(f"{layer}.{colour}", f"rgba.{colour}") for colour in _COLOURS]
        return self._copy(name, [*pairs, *([(f"{matte}.alpha", "rgba.alpha")] if matte else [])], source, source, at)

    def _copy(self, name: str, pairs: Sequence[tuple[str, str]], onto: Node, source: Node, at: tuple[int, int]) -> Node:
        # Not Shuffle2: no document describes how its mappings number the channels of two layers.
        knobs = [knob for k, (of, to) in enumerate(pairs) for knob in ((f"from{k}", of), (f"to{k}", to))]
        return self._add("Copy", name, knobs, inputs=(onto, source), at=at)

    def _delta(self, branch: _Branch, column: int) -> Node:
        """A face's delta as rgb and its matte as alpha."""
        at = (column * _COLUMN, _ROW)
        source = self._reader(self._sources.delta)
        layer, matte = f"delta{branch.layer}", f"matte{branch.layer}"
        if self._sources.matte is None or self._sources.matte is self._sources.delta:
            return self._layer(layer, layer, source, at, matte if self._sources.matte else None)
        delta, other = self._layer(layer, layer, source, at), self._reader(self._sources.matte)
        below = (at[0], at[1] + _ROW // 2)
        return self._copy(f"{matte}_in", [(f"{matte}.alpha", "rgba.alpha")], delta, other, below)

    def _hair(self) -> None:
        """The matte of each face's hair as alpha, for the mask of a Grade."""
        if self._sources.hair is None:
            return
        source = self._reader(self._sources.hair)
        for column, branch in enumerate(self._branches, 1):
            if not branch.rest:
                pairs = [(f"matte_hair{branch.layer}.alpha", "rgba.alpha")]
                self._copy(f"hair{branch.node}", pairs, source, source, (column * _COLUMN + 110, _ROW))

    def _minus(self, whole: Node, others: Sequence[Node]) -> Node:
        """The whole delta and matte minus those of the other branches."""
        for place, other in enumerate(others, 1):
            at = (whole.at[0], whole.at[1] + _ROW // 2)
            whole = self._add("Merge2", f"rest{place}", [("operation", "from")], inputs=(whole, other), at=at)
        return whole

    def _adjusted(self, delta: Node, branch: _Branch, at: tuple[int, int]) -> Node:
        """Edge, gain and saturation of one delta. With default values the delta is unchanged to the bit."""
        x, y = at

        def knob(name: str) -> str:
            return link(f"{self._control}.{branch.knob}{name}")

        if self._sources.matte is not None:
            # The filter nodes are disabled at size 0: Nuke may change the matte at that size.
            idle = ("disable", link("size==0"))
            alpha = [("channels", "alpha")]
            erode = [*alpha, ("size", knob("shrink")), ("filter", "gaussian"), idle]
            shrunk = self._add("FilterErode", f"shrink{branch.node}", erode, inputs=(delta,), at=(x + 110, y))
            blur = [*alpha, ("size", knob("soften")), idle]
            matte = self._add("Blur", f"soften{branch.node}", blur, inputs=(shrunk,), at=(x + 110, y + _ROW))
            raw = self._sources.raw
            ratio = [(f"expr{k}", word(_replace_matte(colour, branch, raw=raw))) for k, colour in enumerate(_COLOURS)]
            ratio.append(("expr3", "Aa"))
            edge = f"edge{branch.node}"
            delta = self._add("MergeExpression", edge, ratio, inputs=(delta, matte), at=(x, y + 2 * _ROW))
        gain = [("channels", "rgb"), ("value", knob("gain"))]
        delta = self._add("Multiply", f"gain{branch.node}", gain, inputs=(delta,), at=(x, y + 3 * _ROW))
        colour = [("saturation", knob("saturation")), ("disable", link("saturation==1"))]
        return self._add("Saturation", f"saturation{branch.node}", colour, inputs=(delta,), at=(x, y + 4 * _ROW))

    def _finish(self, comp: Node, *, row: int) -> None:
        """Add the switch from comp to rendered beauty, the conversion to the working space, and a viewer."""
        if self._sources.beauty is not None:
            beauty = self._reader(self._sources.beauty)
            knobs = [("which", link(f"{self._control}.rendered"))]
            comp = self._add("Switch", "aged", knobs, inputs=(comp, beauty), at=(0, row * _ROW))
        else:
            comp = self._add("Dot", "aged", inputs=(comp,), at=(0, row * _ROW))
        if (space := self._sources.space) is not None:
            comp = self._convert("to_working", space, "scene_linear", comp, at=(0, (row + 1) * _ROW))
        numbers = self._job.numbers
        knobs = [("frame", str(numbers[0])), ("frame_range", f"{numbers[0]}-{numbers[-1]}")]
        self._add("Viewer", "Viewer1", knobs, inputs=(comp,), at=(0, (row + 2) * _ROW))

    def _notes_and_knobs(self) -> None:
        """Add the backdrop, the notes, and the control node; its knobs drive the other nodes."""
        backdrop = [
            ("tile_color", "0x3f4f5fff"),
            ("label", literal(_description(self._job))),
            ("note_font_size", "24"),
            ("bdwidth", str((len(self._branches) + 3) * _COLUMN)),
            ("bdheight", str((16 + len(self._branches)) * _ROW)),
            ("z_order", "-1"),
        ]
        self._add("BackdropNode", f"{self._control}_backdrop", backdrop, at=(-_COLUMN, -3 * _ROW))
        note = [("label", literal(_colour_note(self._job, self._sources))), ("note_font_size", "14")]
        self._add("StickyNote", f"{self._control}_colour", note, at=(-_COLUMN + 20, _ROW))
        own = [f"addUserKnob {{20 vfxage l {word('re-age')}}}"]
        for branch in self._branches:
            own += _control_knobs(branch, self._sources)
        if self._sources.beauty is not None:
            own += ['addUserKnob {26 _beauty l ""}', 'addUserKnob {6 rendered l "show the rendered beauty" +STARTLINE}']
            own.append("rendered false")
        colour = (("tile_color", "0xcf8f3fff"),)
        at = (-_COLUMN + 20, 0)
        self._nodes.append(Node(kind="NoOp", name=self._control, knobs=colour, at=at, own=tuple(own)))


def _file(job: Job, path: str, first: int, last: int) -> list[tuple[str, str]]:
    kind = _FILE_TYPES.get(Path(path).suffix.lower())
    return [
        *([("file_type", kind)] if kind else []),
        ("file", literal(Pattern.parse(path))),
        ("format", _format(job)),
        ("first", str(first)),
        ("last", str(last)),
        ("origfirst", str(first)),
        ("origlast", str(last)),
        ("origset", "true"),
    ]


def _replace_matte(colour: str, branch: _Branch, *, raw: bool) -> str:
    """The delta (B) with its matte (Ba) replaced by another (Aa); with an equal matte the delta is unchanged."""
    one = f"B{colour[0]}"
    if raw and not branch.rest:
        return f"{one} + Bdelta_raw{branch.layer}.{colour} * (Aa - Ba)"
    return f"Ba > 0 ? {one} * (Aa / Ba) : {one}"


def _control_knobs(branch: _Branch, sources: Sources) -> list[str]:
    """The knobs of one branch, at values that leave the delta unchanged."""
    knobs = [("gain", "gain", "0 4", "1"), ("saturation", "saturation", "0 4", "1")]
    if sources.matte is not None:
        least = -100 if sources.raw and not branch.rest else 0
        knobs += [("shrink", "shrink edge", f"{least} 100", "0"), ("soften", "soften edge", "0 100", "0")]
    lines = [f'addUserKnob {{26 {branch.knob}title l "" +STARTLINE T {word(branch.title)}}}']
    for name, title, limits, value in knobs:
        lines += [f"addUserKnob {{7 {branch.knob}{name} l {word(title)} R {limits}}}", f"{branch.knob}{name} {value}"]
    return lines


def _description(job: Job) -> str:
    """The label of the backdrop: each face with its ages, the model and the vfxage version."""
    faces = [_ages(face) for face in job.shot.faces]
    model = Path(job.shot.model).name
    return "\n".join([job.name, *faces, f"model {model}, vfxage {__version__}"])


def _ages(face: Face) -> str:
    who = face.name or ("every face" if face.select == "all" else "unnamed face")
    line = f"{who}: {_keys(face.source_age)} to {_keys(face.target_age)} years"
    return line if face.intensity == Keyed.of(1.0) else f"{line}, intensity {_keys(face.intensity)}"


def _keys(value: Keyed) -> str:
    if len(value.keys) == 1:
        return f"{value.keys[0][1]:g}"
    return "(" + ", ".join(f"{v:g} at {frame}" for frame, v in value.keys) + ")"


def _colour_note(job: Job, sources: Sources) -> str:
    lines = [
        f"Plate: {job.colour.name}",
        f"Comp: {sources.space or 'linear, plate primaries (a space without a name)'}",
        "Reads are raw: do not convert the passes.",
        f"Colour config: {job.shot.ocio or '$OCIO, else the ACES studio config'}",
        f"Rendered: {FrameRange(job.numbers)}",
    ]
    return "\n".join(lines)
