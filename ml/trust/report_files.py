"""Names of the report's two files, which lie in the bundle they are about."""

from typing import Final

JSON: Final = "trust_report.json"
HTML: Final = "trust_report.html"
