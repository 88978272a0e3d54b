"""The files of a trust report, and the figures inside its page."""

from __future__ import annotations

import re
from typing import Final

JSON: Final = "trust_report.json"
HTML: Final = "trust_report.html"
FIGURE: Final = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


def figures(page: str) -> tuple[str, ...]:
    """Return the figures of a report's page as SVG, in their order."""
    return tuple(FIGURE.findall(page))
