"""The pages that promote and roll back, opened before another administrator acted."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.registry import selectors
from tests.registry.conftest import Register


def page_of(client: Client, address: str, *args: Any) -> str:
    return client.get(reverse(address, args=args)).content.decode()


def test_rolling_back_twice_from_two_tabs_does_not_bring_back_the_bad_version(
    register: Register, administrator: User, client: Client
) -> None:
    first, second = register(), register()
    client.force_login(administrator)
    for version in (first, second):
        fields = {"reason": "Better on our own radiographs."}
        client.post(reverse("registry:promote", args=[version.pk]), fields)
    page = page_of(client, "registry:versions")
    assert "Roll back to v1" in page
    fields = {"reason": "It missed a radiograph."}
    fields |= dict(re.findall(r'<input type="hidden" name="(ending)" value="([^"]+)">', page))

    client.post(reverse("registry:roll-back"), fields)
    again = client.post(reverse("registry:roll-back"), fields)

    assert selectors.active_version() == first
    assert "The active version was changed after this page was opened." in again.content.decode()


def test_a_failed_check_names_the_site(register: Register, administrator: User, client: Client) -> None:
    site = administrator.sites.get()
    summary = f"Trained without {site.pk} and tested on it: AUROC 0.450 (0.40 to 0.50)."
    check = {"id": "B4", "name": "Held-out source", "status": "FAIL", "blocking": True, "summary": summary}
    version = register(report={"verdict": "research only", "failed": ["B4"], "checks": [check]})
    client.force_login(administrator)

    assert f"Trained without {site.name} and" in page_of(client, "registry:promote", version.pk)
