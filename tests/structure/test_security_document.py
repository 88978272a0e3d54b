"""docs/security.md has a line for each point of ASVS 5.0 levels 1 and 2, and names only what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (ROOT / "docs" / "security.md").read_text()
STATES: Final = {"met", "not applicable", "open"}
# ASVS 5.0.0: the numbers of the points of level 1 or 2 in each section.
POINTS: Final = """
    1.1:1-2 1.2:1-9 1.3:1-11 1.4:1-3 1.5:1-2 2.1:1-3 2.2:1-3 2.3:1-4 2.4:1-1 3.2:1-2 3.3:1-4 3.4:1-6
    3.5:1-5 3.7:1-2 4.1:1-3 4.2:1-1 4.3:1-2 4.4:1-4 5.1:1-1 5.2:1-3 5.3:1-2 5.4:1-3 6.1:1-3 6.2:1-12
    6.3:1-4 6.4:1-4 6.5:1-5 6.6:1-3 6.8:1-4 7.1:1-3 7.2:1-4 7.3:1-2 7.4:1-5 7.5:1-2 7.6:1-2 8.1:1-2
    8.2:1-3 8.3:1-1 8.4:1-1 9.1:1-3 9.2:1-4 10.1:1-2 10.2:1-2 10.3:1-4 10.4:1-11 10.5:1-5 10.6:1-2
    10.7:1-3 11.1:1-2 11.2:1-3 11.3:1-3 11.4:1-4 11.5:1-1 11.6:1-1 12.1:1-3 12.2:1-2 12.3:1-4 13.1:1-1
    13.2:1-5 13.3:1-2 13.4:1-5 14.1:1-2 14.2:1-4 14.3:1-3 15.1:1-3 15.2:1-3 15.3:1-7 16.1:1-1 16.2:1-5
    16.3:1-4 16.4:1-3 16.5:1-3 17.1:1-1 17.2:1-4 17.3:1-2
"""
PATH: Final = re.compile(r"`((?:[\w.-]+/)+[\w.-]+|[\w-]+\.(?:yml|txt)|Dockerfile)(?:::(\w+))?`")
SETTING: Final = re.compile(r"`([A-Z][A-Z_]{3,})`")


class Point(NamedTuple):
    """One line of the list."""

    number: str
    requirement: str
    state: str
    evidence: str


def points() -> list[Point]:
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+) \|$", TEXT, re.MULTILINE)
    return [Point(*row) for row in rows]


def required() -> list[str]:
    ranges = re.findall(r"([\d.]+):(\d+)-(\d+)", POINTS)
    return [f"{section}.{n}" for section, first, last in ranges for n in range(int(first), int(last) + 1)]


def test_every_point_of_level_1_and_2_has_one_line_in_order() -> None:
    assert len(required()) == 70 + 183  # of level 1 and of level 2
    assert [point.number for point in points()] == required()


def test_every_line_has_a_state_and_what_is_met_names_a_file_or_a_setting() -> None:
    assert {point.state for point in points()} == STATES
    without = [
        point.number
        for point in points()
        if point.state == "met" and not PATH.search(point.evidence) and not SETTING.search(point.evidence)
    ]
    assert without == []


def test_every_file_and_test_that_the_document_names_exists() -> None:
    missing = [
        f"{path}::{name}" if name else path
        for path, name in PATH.findall(TEXT)
        if not (ROOT / path).is_file() or (name and f"def {name}(" not in (ROOT / path).read_text())
    ]
    assert missing == []


def test_every_setting_that_the_document_names_exists() -> None:
    settings = (ROOT / "webapp" / "settings.py").read_text()

    assert [name for name in SETTING.findall(TEXT) if not re.search(rf"\b{name}\b", settings)] == []
