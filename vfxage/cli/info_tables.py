"""What ``info`` found out, in the words of its tables. ``--json`` prints the same data as it is."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Description = dict[str, Any]
"""Plain data from ``vfxage.render.info``."""


def in_words(description: Mapping[str, Any]) -> Description:
    """The description of a plate or a shot, as a person reads it; parts that are not known are left out."""
    words: Description = {"plate": _plate(description["plate"])}
    if "shot" in description:
        words["shot"] = _shot(description["shot"])
    if description["faces"] is None:
        words["plate"]["faces"] = "not searched: the colour space is not named; write `colorspace:` in a shot file"
    else:
        words["faces"] = description["faces"]
    if description.get("not_found"):
        words["not found"] = [{**lost, "select": _select(lost["select"])} for lost in description["not_found"]]
    if "outputs" in description:
        words["outputs"] = [_output(output) for output in description["outputs"]]
    return words


def _plate(plate: Mapping[str, Any]) -> Description:
    words = {
        "path": plate["path"],
        "frames": plate["frames"],
        "size": f"{plate['width']}x{plate['height']}",
        "rate": _rate(plate["rate"]),
        "samples": plate["samples"],
        "colorspace": plate["colorspace"] or "not named: write `colorspace:` in the shot file",
    }
    if plate["missing"]:
        words["missing"] = f"{plate['missing']} of the numbers from {plate['first']} to {plate['last']}"
    if plate["pixel_aspect"] != 1:
        words["pixel aspect"] = plate["pixel_aspect"]
    if plate["data_window"]:
        words["data window"] = "{width}x{height} at {x},{y}".format(**plate["data_window"])
    words["alpha"] = _yes(plate["alpha"])
    if plate["kind"] == "movie":
        words["audio"] = _yes(plate["audio"])
    if plate["timecode"]:
        words["timecode"] = plate["timecode"]
    return {**words, "notes": plate["notes"]}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _rate(rate: Mapping[str, Any] | None) -> str:
    if rate is None:
        return "not named"
    exact = Fraction(rate["numerator"], rate["denominator"])
    return f"{exact} ({float(exact):.3f} fps)"


def _shot(shot: Mapping[str, Any]) -> Description:
    ages = {
        face["name"] or _select(face["select"]): ", ".join(
            f"{age['source']:g} to {age['target']:g} years at {age['frame']}" for age in face["ages"]
        )
        for face in shot["faces"]
    }
    return {
        "file": shot["path"],
        "frames": shot["frames"],
        "model": shot["model"],
        "ages": ages,
        "notes": shot["notes"],
    }


def _select(select: str | Mapping[str, Any]) -> str:
    if isinstance(select, str):
        return "every face" if select == "all" else select
    return "point ({:g}, {:g}) at frame {}".format(*select["point"], select["frame"])


def _output(output: Mapping[str, Any]) -> Description:
    """An output with its codec, else its kind of file and the bits of a sample."""
    depth = output["depth"]
    bits = "" if depth is None else " float" if depth == "float" else f" {depth} bits"
    kind = (
        f"OpenEXR {(output['compression'] or 'zips').upper()}"
        if output["format"] == "exr"
        else f"{output['format'].upper()}{bits}"
    )
    return {
        "path": output["path"],
        "passes": output["passes"],
        "codec": output["codec"] or kind,
        "colorspace": output["colorspace"],
    }
