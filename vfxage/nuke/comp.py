"""The comp of a shot as Nuke nodes: plate plus, for each face, a delta that an artist can turn up, down and in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vfxage import __version__
from vfxage.errors import OutputError
from vfxage.frames import FrameRange, Pattern
from vfxage.nuke.points import track_nodes
from vfxage.nuke.script import Node, identifier, link, literal, picture_format, word, write
from vfxage.nuke.sources import Sources
from vfxage.render.job import Job, check_writable
from vfxage.render.scene import Scene
from vfxage.shot import Face, Keyed, Output

NUKE = "13.0 v1"
"""The oldest Nuke whose nodes the script uses; newer ones open it."""

_FILE_TYPES = {".exr": "exr", ".dpx": "dpx", ".tif": "tiff", ".tiff": "tiff", ".png": "png"}
_FILE_TYPES |= {".jpg": "jpeg", ".jpeg": "jpeg"}
_COLOURS = ("red", "green", "blue")
_ON_ERROR = {"error": "error", "black": "black", "hold": "nearest frame"}
"""What a Read does about a frame that is not there, by the shot's ``missing_frames``."""
_COLUMN, _ROW = 220, 90
"""Pixels from one node to the next in the node graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """One branch of the comp: a face's delta and matte, or everybody's."""

    title: str
    knob: str = ""
    """Prefix of its knobs on the control node: "lead_", or empty where there is one branch."""
    layer: str = ""
    """Suffix of its layers: "_lead", or empty for delta and matte."""
    node: str = ""
    """Suffix of its nodes' names."""
    rest: bool = False
    """What is left of delta and matte without the other branches."""


@dataclass(slots=True)
class _Graph:
    """The nodes so far, each after its inputs."""

    nodes: list[Node] = field(default_factory=list)

    def add(
        self,
        kind: str,
        name: str,
        knobs: Sequence[tuple[str, str]] = (),
        *,
        inputs: Sequence[Node] = (),
        at: tuple[int, int] = (0, 0),
        own: Sequence[str] = (),
    ) -> Node:
        node = Node(kind=kind, name=name, knobs=tuple(knobs), inputs=tuple(inputs), at=at, own=tuple(own))
        self.nodes.append(node)
        return node


def script_path(job: Job, out: Path | None, *, overwrite: bool) -> Path:
    """Where the script goes: ``out``, else beside the outputs; an artist's work that stands there is not replaced.

    Raises OutputError.
    """
    path = (out or job.folder / f"{job.name}.nk").absolute()
    if path.suffix != ".nk" or path.is_dir():
        raise OutputError("is no name for a Nuke script", path=path, fix="name a file such as comp.nk")
    if path.exists() and not overwrite:
        raise OutputError("exists already", path=path, fix="choose another path, or say --overwrite to replace it")
    check_writable(path.parent)
    return path


def comp_script(job: Job, sources: Sources, scene: Scene | None) -> str:
    """Write the comp as a Nuke script; ``scene`` adds the tracks, where the shot is tracked.

    With its knobs as they come the node ``aged`` is the rendered beauty: ``plate + delta`` in the plate's linear space.
    """
    graph = _Graph()
    shares = _shares(job)
    control = f"age_{identifier(job.name)}"
    _frame_nodes(graph, job, sources, control, shares)
    readers = {id(output): _read(graph, job, sources, output, k) for k, output in enumerate(_outputs(sources), 1)}
    plate = comp = _plate(graph, job, sources, readers)
    deltas: list[Node] = []
    for column, share in enumerate(shares, 1):
        delta = _share(graph, sources, readers, share, column)
        deltas.append(_without(graph, delta, deltas) if share.rest else delta)
    for column, (share, delta) in enumerate(zip(shares, deltas, strict=True), 1):
        at = (column * _COLUMN, 3 * _ROW)
        aged = _knobs(graph, delta, share, control, sources, at=at)
        plus = [("operation", "plus"), ("bbox", "B"), ("output", "rgb")]
        comp = graph.add("Merge2", f"plus{share.node}", plus, inputs=(comp, aged), at=(0, (8 + column) * _ROW))
    _finish(graph, job, sources, readers, comp, control, row=9 + len(shares))
    if scene is not None:
        graph.nodes += track_nodes(job, scene, plate, _format(job), at=((len(shares) + 3) * _COLUMN, 0))
    return write(_header(job, sources, shares), graph.nodes)


def _shares(job: Job) -> list[_Share]:
    """One branch for each named face where there are several, as the layers of the passes are; else one for all."""
    names = [face.name for face in job.shot.faces if face.name]
    if len(names) < 2:
        return [_Share(title=names[0] if names else "every face")]
    shares = [_Share(title=name, knob=f"{name}_", layer=f"_{name}", node=f"_{name}") for name in names]
    if len(names) < len(job.shot.faces):  # a face's name begins with a letter: none is called _others
        shares.append(_Share(title="others", knob="_others_", node="__others", rest=True))
    return shares


def _outputs(sources: Sources) -> list[Output]:
    """Each output that is read, once."""
    found = [sources.delta, sources.matte, sources.beauty, sources.plate]
    return list({id(output): output for output in found if output is not None}.values())


def _header(job: Job, sources: Sources, shares: Sequence[_Share]) -> list[str]:
    clip, numbers = job.clip, job.numbers
    fps = f"{float(clip.rate):.3f}".rstrip("0").rstrip(".") if clip.rate else None
    config = [" OCIO_config custom", f" customOCIOConfigPath {literal(job.shot.ocio)}"] if job.shot.ocio else []
    layers = [
        line
        for suffix in dict.fromkeys(["", *(share.layer for share in shares)])
        for line in (
            _add_layer(f"delta{suffix}", _COLOURS),
            *([_add_layer(f"matte{suffix}", ["alpha"])] if sources.matte else []),
            *([_add_layer(f"delta_raw{suffix}", _COLOURS)] if sources.raw else []),
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
    """The display window with its pixel aspect; data windows come with the files."""
    return picture_format(job.clip.width, job.clip.height, job.clip.pixel_aspect, "plate")


def _read(graph: _Graph, job: Job, sources: Sources, output: Output, index: int) -> Node:
    """A file of passes: its pixels are used as they are, and outside the shot there are none."""
    knobs = _file(job, output.path, job.numbers[0], job.numbers[-1])
    knobs += [("before", "black"), ("after", "black"), ("on_error", "error")]
    knobs += [("colorspace", word(sources.space))] if sources.space else []
    name = "Read_passes" if index == 1 else f"Read_passes{index}"
    return graph.add("Read", name, [*knobs, ("raw", "true")], at=(index * _COLUMN, 0))


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


def _plate(graph: _Graph, job: Job, sources: Sources, readers: dict[int, Node]) -> Node:
    """The plate's light, in the space of the passes."""
    if sources.plate is not None:
        return _layer(graph, "plate_linear", "plate", readers[id(sources.plate)], at=(0, _ROW))
    clip = job.clip
    movie = clip.kind == "movie"
    ends = (1, clip.last - clip.first + 1) if movie else (clip.first, clip.last)
    knobs = _file(job, clip.path, *ends)
    if movie and clip.first != 1:
        knobs += [("frame_mode", '"start at"'), ("frame", str(clip.first))]
    knobs += [("on_error", word(_ON_ERROR[job.shot.missing_frames]))]
    plate = graph.add("Read", "Read_plate", [*knobs, ("colorspace", word(job.colour.name)), ("raw", "true")])
    if sources.space in (None, job.colour.name):
        return plate
    return _convert(graph, "plate_linear", job.colour.name, str(sources.space), plate, at=(0, _ROW))


def _convert(graph: _Graph, name: str, source: str, target: str, node: Node, at: tuple[int, int]) -> Node:
    knobs = [("in_colorspace", word(source)), ("out_colorspace", word(target))]
    return graph.add("OCIOColorSpace", name, knobs, inputs=(node,), at=at)


def _layer(graph: _Graph, name: str, layer: str, source: Node, at: tuple[int, int], matte: str | None = None) -> Node:
    """A layer as rgb, and a matte's layer, if any, as alpha (else the source's own)."""
    pairs = [(f"{layer}.{colour}", f"rgba.{colour}") for colour in _COLOURS]
    return _copy(graph, name, [*pairs, *([(f"{matte}.alpha", "rgba.alpha")] if matte else [])], source, source, at)


def _copy(
    graph: _Graph, name: str, pairs: Sequence[tuple[str, str]], onto: Node, source: Node, at: tuple[int, int]
) -> Node:
    # Not Shuffle2: how its mappings count the channels of two layers is written nowhere.
    knobs = [knob for k, (of, to) in enumerate(pairs) for knob in ((f"from{k}", of), (f"to{k}", to))]
    return graph.add("Copy", name, knobs, inputs=(onto, source), at=at)


def _share(graph: _Graph, sources: Sources, readers: dict[int, Node], share: _Share, column: int) -> Node:
    """A face's delta as rgb and its matte as alpha."""
    at = (column * _COLUMN, _ROW)
    source, layer, matte = readers[id(sources.delta)], f"delta{share.layer}", f"matte{share.layer}"
    if sources.matte is None or sources.matte is sources.delta:
        return _layer(graph, layer, layer, source, at, matte if sources.matte else None)
    delta, other = _layer(graph, layer, layer, source, at), readers[id(sources.matte)]
    below = (at[0], at[1] + _ROW // 2)
    return _copy(graph, f"{matte}_in", [(f"{matte}.alpha", "rgba.alpha")], delta, other, below)


def _without(graph: _Graph, whole: Node, others: Sequence[Node]) -> Node:
    """What is left of the whole delta and matte without the others'."""
    for place, other in enumerate(others, 1):
        at = (whole.at[0], whole.at[1] + _ROW // 2)
        whole = graph.add("Merge2", f"rest{place}", [("operation", "from")], inputs=(whole, other), at=at)
    return whole


def _knobs(graph: _Graph, delta: Node, share: _Share, control: str, sources: Sources, at: tuple[int, int]) -> Node:
    """Edge, gain and saturation of one delta; as they come, not one of them changes a bit."""
    x, y = at

    def knob(name: str) -> str:
        return link(f"{control}.{share.knob}{name}")

    if sources.matte is not None:
        # Nodes that filter stand aside until they are asked for: what they do at size 0 is theirs to say.
        idle = ("disable", link("size==0"))
        alpha = [("channels", "alpha")]
        erode = [*alpha, ("size", knob("shrink")), ("filter", "gaussian"), idle]
        shrunk = graph.add("FilterErode", f"shrink{share.node}", erode, inputs=(delta,), at=(x + 110, y))
        blur = [*alpha, ("size", knob("soften")), idle]
        matte = graph.add("Blur", f"soften{share.node}", blur, inputs=(shrunk,), at=(x + 110, y + _ROW))
        ratio = [(f"expr{k}", word(_under(colour, share, raw=sources.raw))) for k, colour in enumerate(_COLOURS)]
        ratio.append(("expr3", "Aa"))
        delta = graph.add("MergeExpression", f"edge{share.node}", ratio, inputs=(delta, matte), at=(x, y + 2 * _ROW))
    gain = [("channels", "rgb"), ("value", knob("gain"))]
    delta = graph.add("Multiply", f"gain{share.node}", gain, inputs=(delta,), at=(x, y + 3 * _ROW))
    colour = [("saturation", knob("saturation")), ("disable", link("saturation==1"))]
    return graph.add("Saturation", f"saturation{share.node}", colour, inputs=(delta,), at=(x, y + 4 * _ROW))


def _under(colour: str, share: _Share, *, raw: bool) -> str:
    """The delta (B) brought from its own matte (Ba) under another (Aa); the same matte changes not a bit of it."""
    one = f"B{colour[0]}"
    if raw and not share.rest:
        return f"{one} + Bdelta_raw{share.layer}.{colour} * (Aa - Ba)"
    return f"Ba > 0 ? {one} * (Aa / Ba) : {one}"


def _finish(
    graph: _Graph, job: Job, sources: Sources, readers: dict[int, Node], comp: Node, control: str, *, row: int
) -> None:
    """The rebuilt comp or the rendered beauty, then the space that Nuke works in, then a viewer."""
    if sources.beauty is not None:
        beauty = readers[id(sources.beauty)]
        knobs = [("which", link(f"{control}.rendered"))]
        comp = graph.add("Switch", "aged", knobs, inputs=(comp, beauty), at=(0, row * _ROW))
    else:
        comp = graph.add("Dot", "aged", inputs=(comp,), at=(0, row * _ROW))
    if sources.space is not None:
        comp = _convert(graph, "to_working", sources.space, "scene_linear", comp, at=(0, (row + 1) * _ROW))
    knobs = [("frame", str(job.numbers[0])), ("frame_range", f"{job.numbers[0]}-{job.numbers[-1]}")]
    graph.add("Viewer", "Viewer1", knobs, inputs=(comp,), at=(0, (row + 2) * _ROW))


def _frame_nodes(graph: _Graph, job: Job, sources: Sources, control: str, shares: Sequence[_Share]) -> None:
    """What is no picture: backdrop, notes, and the knobs that the others follow."""
    backdrop = [
        ("tile_color", "0x3f4f5fff"),
        ("label", literal(_story(job))),
        ("note_font_size", "24"),
        ("bdwidth", str((len(shares) + 3) * _COLUMN)),
        ("bdheight", str((16 + len(shares)) * _ROW)),
        ("z_order", "-1"),
    ]
    graph.add("BackdropNode", f"{control}_backdrop", backdrop, at=(-_COLUMN, -3 * _ROW))
    note = [("label", literal(_colour_story(job, sources))), ("note_font_size", "14")]
    graph.add("StickyNote", f"{control}_colour", note, at=(-_COLUMN + 20, _ROW))
    own = [f"addUserKnob {{20 vfxage l {word('re-age')}}}"]
    for share in shares:
        own += _control_knobs(share, sources)
    if sources.beauty is not None:
        own += ['addUserKnob {26 _beauty l ""}', 'addUserKnob {6 rendered l "show the rendered beauty" +STARTLINE}']
        own.append("rendered false")
    graph.add("NoOp", control, [("tile_color", "0xcf8f3fff")], at=(-_COLUMN + 20, 0), own=own)


def _control_knobs(share: _Share, sources: Sources) -> list[str]:
    """The knobs of one branch, all at the value that changes nothing."""
    knobs = [("gain", "gain", "0 4", "1"), ("saturation", "saturation", "0 4", "1")]
    if sources.matte is not None:
        least = -100 if sources.raw and not share.rest else 0
        knobs += [("shrink", "shrink edge", f"{least} 100", "0"), ("soften", "soften edge", "0 100", "0")]
    lines = [f'addUserKnob {{26 {share.knob}title l "" +STARTLINE T {word(share.title)}}}']
    for name, title, limits, value in knobs:
        lines += [f"addUserKnob {{7 {share.knob}{name} l {word(title)} R {limits}}}", f"{share.knob}{name} {value}"]
    return lines


def _story(job: Job) -> str:
    """What a person should know of the shot: who gets how old, by what."""
    faces = [_ages(face) for face in job.shot.faces]
    model = Path(job.shot.model).name
    return "\n".join([job.name, *faces, f"model {model}, vfxage {__version__}"])


def _ages(face: Face) -> str:
    who = face.name or ("every face" if face.select == "all" else "unnamed face")
    told = f"{who}: {_keys(face.source_age)} to {_keys(face.target_age)} years"
    return told if face.intensity == Keyed.of(1.0) else f"{told}, intensity {_keys(face.intensity)}"


def _keys(value: Keyed) -> str:
    if len(value.keys) == 1:
        return f"{value.keys[0][1]:g}"
    return "(" + ", ".join(f"{v:g} at {frame}" for frame, v in value.keys) + ")"


def _colour_story(job: Job, sources: Sources) -> str:
    lines = [
        f"Plate: {job.colour.name}",
        f"Comp: {sources.space or 'linear, plate primaries (a space without a name)'}",
        "Reads are raw: do not convert the passes.",
        f"Colour config: {job.shot.ocio or '$OCIO, else the ACES studio config'}",
        f"Rendered: {FrameRange(job.numbers)}",
    ]
    return "\n".join(lines)
