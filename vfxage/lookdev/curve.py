"""The curve of a value over the shot, with its keyframes and the frame that is shown, as options of ECharts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEFT, RIGHT = 44, 14
"""Pixels of the chart beside the curve."""
_GRAB = 7
"""How near a click must be to a keyframe to mean it, pixels."""
LINE, KEY, MARK, GRID, TEXT = "#f5a623", "#ffd28a", "#e05050", "#333333", "#8a8a8a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One value over the shot."""

    name: str
    points: Sequence[tuple[float, float]]
    """(frame, value) corners of the line."""
    keys: Mapping[int, float]
    """All keyframes, also those outside the shot."""
    limits: tuple[float, float]
    """Least and greatest value that the shot file allows."""
    ends: tuple[int, int]
    """First and last frame of the shot."""


def frame_at(curve: Curve, place: float, length: float) -> int:
    """The frame at a place on the chart, both in pixels from its first frame; a keyframe that is near wins."""
    first, last = curve.ends
    frame = first + min(max(place / length, 0.0), 1.0) * max(last - first, 1)
    near = _GRAB * max(last - first, 1) / length
    keys = [key for key in curve.keys if abs(key - frame) <= near]
    return min(keys, key=lambda key: abs(key - frame)) if keys else round(frame)


def chart(curve: Curve, frame: int) -> dict[str, Any]:
    """The options of the chart."""
    first, last = curve.ends
    low, high = _range(curve)
    return {
        "animation": False,
        "grid": {"left": LEFT, "right": RIGHT, "top": 10, "bottom": 22},
        "xAxis": {**_axis(), "min": first, "max": max(last, first + 1), "minInterval": 1},
        "yAxis": {**_axis(showMinLabel=False, showMaxLabel=False), "min": low, "max": high, "splitNumber": 3},
        "series": [_line(curve, frame), _keys(curve)],
    }


def _axis(**labels: bool) -> dict[str, Any]:
    grid = {"lineStyle": {"color": GRID}}
    plain = {":formatter": "value => String(value)"}  # no comma in a frame number
    return {
        "type": "value",
        "axisLine": grid,
        "splitLine": grid,
        "axisLabel": {"color": TEXT, "fontSize": 10, **plain, **labels},
    }


def _line(curve: Curve, frame: int) -> dict[str, Any]:
    """The curve, and the frame that is shown as a vertical line."""
    return {
        "type": "line",
        "name": curve.name,
        "data": [list(point) for point in curve.points],
        "showSymbol": False,
        "silent": True,
        "lineStyle": {"color": LINE, "width": 1.5},
        "markLine": {
            "silent": True,
            "symbol": "none",
            "lineStyle": {"color": MARK, "type": "solid", "width": 1},
            "data": [{"xAxis": frame, "label": {"show": False}}],
        },
    }


def _keys(curve: Curve) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": "keyframes",
        "data": [[number, value] for number, value in curve.keys.items()],
        "symbol": "diamond",
        "symbolSize": 11,
        "itemStyle": {"color": KEY, "borderColor": "#000000", "borderWidth": 1},
        "z": 3,
    }


def _range(curve: Curve) -> tuple[float, float]:
    """The values on the axis: those of the curve with some room, within the limits."""
    values = [value for _, value in curve.points]
    room = max(max(values) - min(values), 0.1 * (curve.limits[1] - curve.limits[0])) * 0.25
    digits = 0 if curve.limits[1] - curve.limits[0] > 20 else 2
    return (
        round(max(curve.limits[0], min(values) - room), digits),
        round(min(curve.limits[1], max(values) + room), digits),
    )
