"""Write ``docs/shot.md``, the reference of every key of a shot file, from its JSON schema.

Run ``python -m tools.shot_reference`` in the project's root after a change of the schema. Range, default and
description come from the schema; the examples are below, and a test loads each of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vfxage.shot import schema

PAGE = Path(__file__).resolve().parents[1] / "docs" / "shot.md"
HEADING = """\
# Every key of a shot file

`python -m tools.shot_reference` wrote this page from the schema (`vfxage schema`). The examples are checked by a test.

- A shot file is YAML, or JSON with the suffix `.json`. `vfxage init PLATE` writes a first one.
- Paths are relative to the file that names them. `~`, `$NAME` and `${NAME}` are replaced when the file is read; a
  variable that is not set is an error. `$F4` stays the frame number, and `$$` is a dollar sign.
- A *value over time* is a number, or keyframes `{frame: number}`: linear between them, constant before the first and
  after the last.
- `include: show.yaml` takes the defaults of a show from another file. The keys of the shot file win. Sections are
  merged key by key; lists (`faces`, `outputs`) and keyframes are replaced as a whole. An included file cannot include
  another file.
- `--set temporal.radius=3` changes one value for one run.
- The paths of `outputs` and `tracks` cannot have the placeholders of a template for `vfxage shots`, such as `{clip}`.
- `part:` takes no number with leading zeros: write `part: 1` for the number, `part: "01"` for the name.
- A number has no plus sign, because `target_age: +25` is not 25 years more; only `exposure: +1.5` has one. Put a path
  with a space before `#` in quotes: YAML takes the rest of the line as a comment.
"""
EXAMPLES = {
    "include": "../show.yaml",
    "plate": "plate/sh010.%04d.exr",
    "frames": "1001-1048",
    "handles": "8",
    "missing_frames": "hold",
    "tracks": "../tracks/sh010.npz",
    "pixel_aspect": "2",
    "first_frame": "1001",
    "rate": "23.976",
    "colorspace": "ACEScg",
    "range": "full",
    "part": "0",
    "layer": "diffuse",
    "view": "left",
    "exposure": "1.5",
    "ocio": "$SHOW/config.ocio",
    "model": "small",
    "delta_from": "plate",
    "style": "{reference: ref/hair.jpg}",
    "style.reference": "ref/hair.jpg",
    "style.seed": "7",
    "style.layers": "[8, 9]",
    "style.amount": "0.5",
    "crop_size": "1024",
    "source_age": "42",
    "target_age": "{1001: 42, 1048: 75}",
    "intensity": "0.8",
    "regions": "{forehead: {intensity: 0.5}}",
    "look": "{folds: 1.3, hair: 0.5}",
    "look.folds": "1.3",
    "look.lines": "0.7",
    "look.texture": "0.8",
    "look.pigment": "0",
    "look.hair": "{1001: 0, 1048: 1}",
    "look.neck": "1.5",
    "look.shape": "0.5",
    "look.lips": "0",
    "look.eyes": "0.5",
    "gentle": "0.5",
    "glasses": "no",
    "beard": "no",
    "seed": "7",
    "faces": "[{name: lead, select: largest}]",
    "faces[].name": "lead",
    "faces[].select": "{frame: 1001, point: [640, 300]}",
    "faces[].source_age": "42",
    "faces[].target_age": "75",
    "faces[].intensity": "{1001: 0, 1024: 1}",
    "faces[].regions": "{eyes: {target_age: 60}}",
    "faces[].look": "{lines: 0.7}",
    "faces[].gentle": "0.8",
    "faces[].glasses": "yes",
    "faces[].beard": "yes",
    "faces[].temples": "1",
    "faces[].seed": "7",
    "faces[].references": "{70: [photos/at_70.jpg], 25: [photos/at_25.jpg]}",
    "faces[].donor": "photographs/",
    "faces[].matte": "{file: roto/lead.%04d.exr}",
    "faces[].matte.file": "roto/lead.%04d.exr",
    "faces[].matte.hold_out": "roto/hand.%04d.exr",
    "temporal": "{radius: 3}",
    "temporal.radius": "3",
    "temporal.strength": "0.5",
    "matte": "{kind: face}",
    "matte.file": "roto/sh010.%04d.exr",
    "matte.hold_out": "roto/hand.%04d.exr",
    "matte.kind": "face",
    "matte.feather": "0.12",
    "matte.hands": "aged",
    "tracking": "{min_face: 24}",
    "tracking.max_gap": "12",
    "tracking.smoothing": "1.5",
    "tracking.margin": "12",
    "tracking.min_face": "24",
    "preview": "{view: Un-tone-mapped}",
    "preview.display": "sRGB - Display",
    "preview.view": "ACES 1.0 - SDR Video",
    "preview.width": "1280",
    "outputs": "[{path: out/sh010.%04d.exr}]",
    "outputs[].path": "out/sh010.%04d.exr",
    "outputs[].passes": "[beauty, delta, matte]",
    "outputs[].codec": "prores_hq",
    "outputs[].colorspace": "ACEScg",
    "outputs[].depth": "16",
    "outputs[].compression": "zip",
    "outputs[].pass_through": "true",
    "outputs[].face": "lead",
    "regions.map": "paint/amount.exr",
    "regions.NAME": "{target_age: 60}",
    "regions.NAME.intensity": "0.5",
    "regions.NAME.target_age": "60",
    "regions.NAME.look": "{pigment: 0}",
}
"""A value of each key as YAML. ``[]`` stands for an item of a list, and ``NAME`` for each region."""
_REGIONS = ("forehead", "eyes", "cheeks", "mouth", "jaw", "neck")


@dataclass(frozen=True)
class Key:
    """One key of the shot file."""

    name: str
    """Its place, such as ``faces[].name``."""
    schema: Mapping[str, Any]


def keys() -> Iterator[Key]:
    """Every key of the schema, section by section; regions only once."""
    root = schema()
    waiting: list[tuple[str, Mapping[str, Any]]] = [("", root)]
    while waiting:
        place, section = waiting.pop(0)
        inside = place.endswith("regions")
        for name, value in section["properties"].items():
            if inside and name in _REGIONS[1:]:
                continue
            here = f"{place}.{'NAME' if inside and name in _REGIONS else name}".lstrip(".")
            words = root["$defs"]["Region"]["description"] if here == "regions.NAME" else _description(value, root)
            described = {**value, "description": words}
            yield Key(here, described)
            if not here.endswith((".regions", ".look")):  # the same keys as at the top level
                waiting += [(here + suffix, inner) for inner, suffix in _sections(value, root)]


def _sections(value: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for one in (value, *value.get("anyOf", ())):
        for ref, suffix in ((one.get("$ref"), ""), (one.get("items", {}).get("$ref"), "[]")):
            if ref is not None:
                yield root["$defs"][ref.rsplit("/", 1)[-1]], suffix


def _description(value: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    inner = [section.get("description", "") for section, _ in _sections(value, root)]
    return str(value.get("description") or next(iter(inner), ""))


def _range(value: Mapping[str, Any]) -> str:
    """The values that the key takes, in words."""
    words = [words for one in _choices(value) if (words := _kind(one))]
    return " or ".join(dict.fromkeys(words)).replace("|", "\\|")


def _choices(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if value.get("type") != "null":
        yield value
    for one in (*value.get("anyOf", ()), *value.get("oneOf", ())):
        yield from _choices(one)


def _kind(value: Mapping[str, Any]) -> str:
    if "enum" in value or "const" in value:
        return ", ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    if value.get("format") == "path":
        return "path"
    if "$ref" in value:
        return "keys" if not value["$ref"].endswith("PointSelect") else "`{frame: N, point: [x, y]}`"
    kind = value.get("type")
    if kind in ("integer", "number"):
        low, high = value.get("minimum"), value.get("maximum")
        whole = "whole number" if kind == "integer" else "number"
        if low is None or abs(low) > 1e6:
            return whole
        return f"{whole} from {low:g}" if high is None else f"{whole} {low:g} to {high:g}"
    if kind == "object":
        return "keyframes" if "additionalProperties" in value and value["additionalProperties"] is not False else "keys"
    if kind == "array":
        inner = _kind(value.get("items", {}))
        return f"list of {inner}" if inner not in ("", "text") else "list"
    names = {"string": "text", "boolean": "`true`, `false`"}
    return ", ".join(filter(None, (names.get(one, "") for one in (kind if isinstance(kind, list) else [str(kind)]))))


def _default(value: Mapping[str, Any]) -> str:
    if "default" not in value or value["default"] in (None, [], {}):
        return ""
    default = value["default"]
    if isinstance(default, dict):
        return ""
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def page() -> str:
    """The page as Markdown: one table for each section."""
    lines, section = [HEADING], None
    for key in keys():
        around = key.name.rpartition(".")[0]
        if around != section:
            title = f"`{around.replace('NAME', _REGIONS[0])}`" if around else "Top level"
            lines.append(f"\n## {title}{' and every other region' if around.endswith('NAME') else ''}\n")
            lines += ["| Key | Value | Default | Example | What it is |", "|---|---|---|---|---|"]
            section = around
        name = key.name.rpartition(".")[2].replace("NAME", "`, `".join(_REGIONS))
        words = " ".join(key.schema.get("description", "").split()).replace("|", "\\|")
        example = EXAMPLES[key.name].replace("|", "\\|")
        lines.append(f"| `{name}` | {_range(key.schema)} | {_default(key.schema)} | `{example}` | {words} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
