"""Upgrades an installation of the first version in the environment's home, and looks at it as staff do.

`python -m tests.upgrade.upgrade`, in one process; prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from tests.upgrade import first_version

PAGES: Final = {
    "radiologist": ("/", "/cases/", "/review/", "/models/", "/api/v1/cases/"),
    "admin": ("/cases/", "/imports/", "/training/", "/models/", "/audit/", "/review/readers/"),
}


def main() -> None:
    """Restore the first version, upgrade it, and print what pages and images answer."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    first_version.restore(Path(settings.READROOM_HOME))
    call_command("prepare")
    sys.stdout.write(json.dumps({"pages": _pages(), "cases": _cases()}) + "\n")


def _client(username: str) -> Any:
    from django.test import Client

    from diagnostics.accounts.models import User

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username=username))
    return client


def _pages() -> dict[str, int]:
    answers: dict[str, int] = {}
    for username, addresses in PAGES.items():
        client = _client(username)
        answers |= {f"{username} {one}": client.get(one, follow=True).status_code for one in addresses}
    return answers


def _cases() -> dict[str, dict[str, Any]]:
    """Return what the pages of each case show: the status, the text and the SHA-256 of its images."""
    import hashlib

    from diagnostics.cases.models import Case

    client, shown = _client("admin"), {}
    for pk in Case.objects.values_list("pk", flat=True):
        page = client.get(f"/cases/{pk}/")
        images = {}
        for name in ("radiograph.png", "overlay.png"):
            answer = client.get(f"/cases/{pk}/{name}")
            content = b"".join(answer) if answer.streaming else answer.content
            images[name] = hashlib.sha256(content).hexdigest() if answer.status_code == 200 else ""
        shown[str(pk)] = {"status": page.status_code, "text": page.content.decode(), "images": images}
    return shown


if __name__ == "__main__":
    main()
