"""Write docs/access.md: every URL with the status of each kind of account, as the tests check it.

`python -m docs.make_access_table`; a test fails when the document is out of date.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

import django

DOCUMENT: Final = Path(__file__).parent / "access.md"
INTRODUCTION: Final = """# Access

Every URL with the status of its answer for each kind of account. The table is written by
`python -m docs.make_access_table` from the tables that `tests/webapp/test_permissions.py` and
`tests/webapp/test_access_matrix.py` check, request by request; a new URL without a row fails these tests.

The objects of the requests belong to the site of the first three roles. `login` is a redirect to the
login page, another 3xx a redirect elsewhere, 400 an invalid form of a permitted user, 286 the end of a
page's polling. 404 does not tell a missing object from one of another site. An inactive account is
answered like an anonymous one. PUT and DELETE change nothing, PATCH only a webhook endpoint. The pages below
`/admin/` are open to administrators only.

"Token" names the scopes of an API token that open the URL; the role of the token's user limits them
further. Without such a scope the answer is 403, and a URL without any scope does not accept tokens.
"""
HEADER: Final = (
    "URL",
    "Anonymous",
    "Technician",
    "Radiologist",
    "Administrator",
    "Radiologist of another site",
    "Administrator of another site",
    "Technician without a site",
    "Radiologist without a site",
    "Administrator without a site",
    "Token",
)


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")


def document() -> str:
    """Return the text of the document."""
    django.setup()
    parts = [INTRODUCTION]
    for title, method in (("Reading (GET)", "get"), ("Changing (POST)", "post")):
        lines = [_line(HEADER), _line("---" for _name in HEADER), *_rows(method)]
        parts.append(f"\n## {title}\n\n" + "\n".join(lines) + "\n")
    return "".join(parts)


def _rows(method: str) -> Iterator[str]:
    from tests.webapp.access_exceptions import ANY_TOKEN, TOKEN_URLS, at_other_site, without_site
    from tests.webapp.access_table import EXPECTED_STATUS
    from tests.webapp.url_patterns import named_patterns

    patterns = named_patterns()
    for name, statuses in EXPECTED_STATUS.items():
        anonymous, *roles, stranger = statuses[("get", "post").index(method)].split()
        without = [
            without_site(name, method, role, status)
            for role, status in zip(("technician", "radiologist", "administrator"), roles, strict=True)
        ]
        scopes = " ".join(TOKEN_URLS.get(name, {}).get(method, ("any",) if name in ANY_TOKEN else ()))
        other = at_other_site(name, method, roles[-1])
        yield _line([f"`{patterns[name]}`", anonymous, *roles, stranger, other, *without, scopes])


def _line(cells: Iterator[str] | tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
