"""Small charts of tiles: positions in an SVG, with a text that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

WIDTH: Final = 320.0
LEFT: Final = 84.0  # where bars begin, after their labels
RIGHT: Final = 96.0  # for the text behind a bar
LINE: Final = 22.0
BAR: Final = 10.0
PLOT: Final = 56.0  # height of columns and curves


@dataclass(frozen=True)
class Rect:
    """A filled box; `tone` selects its colour."""

    x: float
    y: float
    width: float
    height: float
    tone: str


@dataclass(frozen=True)
class Text:
    """A label; `anchor` is start, middle or end."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Drawing:
    """One chart; `description` is its text alternative."""

    description: str
    height: float
    rects: tuple[Rect, ...] = ()
    texts: tuple[Text, ...] = ()
    paths: tuple[str, ...] = ()
    dots: tuple[tuple[float, float], ...] = ()
    width: float = field(default=WIDTH)


@dataclass(frozen=True)
class Bar:
    """One labelled bar of parts on top of each other: (value, tone), the longest first."""

    label: str
    text: str
    parts: tuple[tuple[float, str], ...]


def bars(description: str, rows: Sequence[Bar]) -> Drawing:
    """Return horizontal bars on one scale, which begins at 0."""
    most = max((value for row in rows for value, _tone in row.parts), default=0) or 1
    room = WIDTH - LEFT - RIGHT
    rects: list[Rect] = []
    texts: list[Text] = []
    for number, row in enumerate(rows):
        top = number * LINE
        rects.append(Rect(LEFT, top + 6, room, BAR, "ground"))
        rects += [
            Rect(LEFT, top + 6, round(room * value / most, 1), BAR, tone)
            for value, tone in row.parts
            if value
        ]
        texts += [Text(0, top + 15, "start", row.label), Text(WIDTH, top + 15, "end", row.text)]
    return Drawing(description, len(rows) * LINE, tuple(rects), tuple(texts))


def columns(description: str, values: Sequence[int], *, first: str, last: str, tone: str) -> Drawing:
    """Return one column for each value, with the labels of the first and the last and of the highest."""
    most, pitch = max(values, default=0), WIDTH / max(len(values), 1)
    rects = tuple(
        Rect(
            round(number * pitch, 1),
            round(PLOT - PLOT * value / most, 1),
            round(pitch - 2, 1),
            round(PLOT * value / most, 1),
            tone,
        )
        for number, value in enumerate(values)
        if value
    )
    base = Rect(0, PLOT, WIDTH, 1, "edge")
    labels = (Text(0, PLOT + 15, "start", first), Text(WIDTH, PLOT + 15, "end", last))
    return Drawing(description, PLOT + 18, (*rects, base), labels)


def curve(description: str, values: Sequence[float], *, first: str, last: str) -> Drawing:
    """Return a line of values from 0 to 1, with grid lines at 0, 0.5 and 1."""
    room, step = WIDTH - 28, (WIDTH - 28) / max(len(values) - 1, 1)
    points = [
        (round(28 + number * step, 1), round(4 + PLOT * (1 - value), 1))
        for number, value in enumerate(values)
    ]
    grid = tuple(Rect(28, round(4 + PLOT * share, 1), room, 1, "grid") for share in (0, 0.5, 1))
    texts = (
        Text(22, 12, "end", "1"),
        Text(22, PLOT / 2 + 8, "end", "0.5"),
        Text(22, PLOT + 6, "end", "0"),
        Text(28, PLOT + 19, "start", first),
        Text(WIDTH, PLOT + 19, "end", last),
    )
    line = "M" + "L".join(f"{x} {y}" for x, y in points)
    return Drawing(description, PLOT + 22, grid, texts, (line,), (points[-1],))


def interval(description: str, value: float, bounds: tuple[float, float]) -> Drawing:
    """Return a value with its interval on a scale from 0 to 1."""
    x, low, high = (round(6 + (WIDTH - 12) * share, 1) for share in (value, *bounds))
    scale = (Rect(6, 14, WIDTH - 12, 1, "edge"), Rect(low, 11, round(high - low, 1), 7, "soft"))
    texts = (
        Text(6, 36, "start", "0"),
        Text(WIDTH / 2, 36, "middle", "0.5"),
        Text(WIDTH - 6, 36, "end", "1"),
    )
    return Drawing(description, 40, scale, texts, (), ((x, 14.5),))


def strip(
    description: str, parts: Sequence[tuple[float, float, str, str]], *, first: str, last: str
) -> Drawing:
    """Return periods on one line: (begin and end as shares of the width, label, tone)."""
    rects = tuple(
        Rect(round(WIDTH * begin, 1), 0, max(round(WIDTH * (end - begin) - 2, 1), 1), 20, tone)
        for begin, end, _label, tone in parts
    )
    labels = tuple(
        Text(round(WIDTH * (begin + end) / 2, 1), 34, "middle", label)
        for begin, end, label, _tone in parts
        if end - begin >= 0.12  # a shorter period has no room for a label; the description names it
    )
    ends = (Text(0, 52, "start", first), Text(WIDTH, 52, "end", last))
    return Drawing(description, 56, rects, (*labels, *ends))
