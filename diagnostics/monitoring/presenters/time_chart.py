"""Charts over days or weeks: positions in an SVG, with a text that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360.0, 150.0
LEFT, TOP, BOTTOM, RIGHT = 40.0, 8.0, 128.0, 354.0
Point = tuple[float, float]
Value = float | None


@dataclass(frozen=True)
class Rect:
    """A filled box; `tone` selects its colour."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True)
class Line:
    """Values in the order of time; a missing value leaves a gap. `intervals` are drawn as bars."""

    label: str
    tone: str
    values: Sequence[Value]
    intervals: Sequence[tuple[float, float] | None] = ()


@dataclass(frozen=True)
class DrawnLine:
    """A line in pixels."""

    label: str
    tone: str
    path: str
    bars: str
    dots: tuple[Point, ...]


@dataclass(frozen=True)
class TimeChart:
    """One chart; `description` is its text alternative, `note` a sentence below it."""

    title: str
    description: str
    rects: tuple[Rect, ...]
    lines: tuple[DrawnLine, ...]
    limits: tuple[float, ...]  # heights of dashed lines
    labels: tuple[tuple[float, str], ...]  # height and text of the values on the left
    first: str
    last: str
    note: str = ""
    keys: tuple[tuple[str, str], ...] = ()  # tone and label, where more than one thing is drawn


def columns(
    title: str,
    description: str,
    steps: Sequence[Sequence[tuple[float, str]]],
    *,
    ends: tuple[str, str],
    keys: tuple[tuple[str, str], ...],
) -> TimeChart:
    """Return stacked columns: for each step its parts (value, tone) from the bottom."""
    most = max((sum(value for value, _tone in parts) for parts in steps), default=0) or 1
    pitch = (RIGHT - LEFT) / max(len(steps), 1)
    rects = []
    for number, parts in enumerate(steps):
        y = BOTTOM
        for value, tone in parts:
            height = (BOTTOM - TOP) * value / most
            y -= height
            if value:
                x, width = round(LEFT + number * pitch + 0.5, 1), round(max(pitch - 1.5, 1), 1)
                rects.append(Rect(x, round(y, 1), width, round(height, 1), tone))
    labels = ((TOP + 4, f"{most:g}"), (BOTTOM, "0"))
    return TimeChart(title, description, tuple(rects), (), (), labels, *ends, keys=keys)


def lines(
    title: str,
    description: str,
    drawn: Sequence[Line],
    *,
    ends: tuple[str, str],
    labels: Sequence[tuple[float, str]],
    limits: Sequence[float] = (),
    note: str = "",
) -> TimeChart:
    """Return lines on one scale from 0 to the highest label; `labels` and `limits` are values on it."""
    top = max(value for value, _text in labels) or 1.0
    keys = tuple((line.tone, line.label) for line in drawn) if len(drawn) > 1 else ()
    return TimeChart(
        title,
        description,
        (),
        tuple(_drawn(line, top) for line in drawn),
        tuple(_y(limit, top) for limit in limits if limit <= top),
        tuple((_y(value, top) + 4, text) for value, text in labels),
        *ends,
        note=note,
        keys=keys,
    )


def _drawn(line: Line, top: float) -> DrawnLine:
    xs = [_x(number, len(line.values)) for number in range(len(line.values))]
    points = [
        None if value is None else (x, _y(value, top)) for x, value in zip(xs, line.values, strict=True)
    ]
    bars = "".join(
        f"M{x} {_y(low, top)}V{_y(high, top)}"
        for x, (low, high) in (
            (x, interval) for x, interval in zip(xs, line.intervals, strict=False) if interval is not None
        )
    )
    return DrawnLine(line.label, line.tone, _path(points), bars, tuple(filter(None, points)))


def _path(points: Sequence[Point | None]) -> str:
    path, is_open = "", False
    for point in points:
        if point is not None:
            path += f"{'L' if is_open else 'M'}{point[0]} {point[1]}"
        is_open = point is not None
    return path


def _x(number: int, of: int) -> float:
    return round(LEFT + 4 + (RIGHT - LEFT - 8) * number / max(of - 1, 1), 1)


def _y(value: float, top: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * min(value, top) / top, 1)
