"""Writes Nuke's script language: words, knobs and nodes, and the stack that connects them.

A script is Tcl. ``Class { knob value ... }`` takes its inputs from a stack, input 0 from the top, and puts itself
on it; ``set N1 [stack 0]`` names the node on top and ``push $N1`` brings it back. A knob of text (a label, a file's
name) is read twice: as a word of the script, and again as Tcl when Nuke evaluates it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_BARE = re.compile(r"[A-Za-z0-9_./:%+,=-]+")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Node:
    """One node of a script; two nodes are equal only if they are the same object."""

    kind: str
    """The class in Nuke: Read, Merge2."""
    name: str
    knobs: tuple[tuple[str, str], ...] = ()
    """Knob and value, the value as written in the script (see ``word``, ``literal``, ``link``, ``curve``)."""
    inputs: tuple[Node, ...] = ()
    """Input 0 first: of a merge B, then A."""
    at: tuple[int, int] = (0, 0)
    """Position in the node graph."""
    own: tuple[str, ...] = ()
    """Lines of user knobs, as written in the script."""


def word(text: object) -> str:
    """``text`` as one word of the script, quoted if necessary."""
    text = str(text)
    if _BARE.fullmatch(text):
        return text
    # Braces count in a node's braces even between quotes.
    escaped = re.sub(r'([\\"\[\]${}])', r"\\\1", text).replace("\n", r"\n")
    return f'"{escaped}"'


def literal(text: object) -> str:
    """One word for a knob that Nuke evaluates as Tcl (labels, files), so that Nuke shows ``text`` unchanged."""
    return word(re.sub(r"([\\\[\]$])", r"\\\1", str(text)))


def link(expression: str) -> str:
    """The value of a knob that follows an expression (without spaces)."""
    return "{{" + expression + "}}"


def curve(keys: Iterable[tuple[int, float]], *, constant: bool = False) -> str:
    """An animation: a value at each frame, as one braced word; ``constant`` holds each value until the next."""
    start = "curve K" if constant else "curve"
    return "{" + " ".join([start, *(f"x{frame} {number(value)}" for frame, value in keys)]) + "}"


def number(value: float) -> str:
    """A number with four decimals at most, never with an exponent."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def picture_format(width: int, height: int, aspect: float, kind: str) -> str:
    """A format of this size and pixel ``aspect``; its name contains them and ``kind``."""
    name = f"{kind}_{width}x{height}" + (f"_{aspect:g}" if aspect != 1 else "")
    return word(f"{width} {height} 0 0 {width} {height} {aspect:g} {name}")


def identifier(text: str) -> str:
    """``text`` as a name of a node or knob: letters, digits and _, not starting with a digit."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    return name if re.match(r"[A-Za-z]", name) else f"_{name}"


def write(header: Sequence[str], nodes: Sequence[Node]) -> str:
    """The script of ``nodes``, each after its inputs."""
    plan = list(_pushes(nodes))
    named = {id(item) for _, pushed in plan for item in pushed}
    variables = {id(node): f"N{index}" for index, node in enumerate(nodes, 1)}
    lines = list(header)
    for node, pushed in plan:
        lines += [f"push ${variables[id(item)]}" for item in pushed]
        lines += _node(node)
        if id(node) in named:
            lines.append(f"set {variables[id(node)]} [stack 0]")
    return "\n".join(lines) + "\n"


def _pushes(nodes: Sequence[Node]) -> Iterable[tuple[Node, tuple[Node, ...]]]:
    """The nodes to push before each node; none if its only input is the node before it."""
    before: Node | None = None
    for node in nodes:
        follows = len(node.inputs) == 1 and node.inputs[0] is before
        yield node, () if follows else tuple(reversed(node.inputs))
        before = node


def _node(node: Node) -> list[str]:
    count = len(node.inputs)
    lines = [f"{node.kind} {{"]
    if count != 1:
        lines.append(f" inputs {count}")
    lines += [f" {knob} {value}" for knob, value in node.knobs]
    lines += [f" name {word(node.name)}", f" xpos {node.at[0]}", f" ypos {node.at[1]}"]
    return [*lines, *(f" {line}" for line in node.own), "}"]
