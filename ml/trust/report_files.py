"""File names of the trust report inside a bundle."""

from typing import Final

JSON: Final = "trust_report.json"
HTML: Final = "trust_report.html"
