"""The pages of model versions, by permission."""

from __future__ import annotations

from datetime import datetime

from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.registry import selectors, services
from tests.registry.conftest import REASON, Register, logged_in


def test_all_staff_can_view_the_versions(
    register: Register, technician: User, administrator: User, now: datetime
) -> None:
    version = register()
    services.promote(version=version, by=administrator, reason=REASON, now=now)

    version_list = logged_in(technician).get(reverse("registry:versions"))
    version_page = logged_in(technician).get(reverse("registry:version", args=[version.pk]))

    assert REASON in version_list.content.decode()
    assert "&lt;b&gt;Research use only.&lt;/b&gt;" in version_page.content.decode()


def test_only_users_with_the_permission_see_the_promotion_form(
    register: Register, technician: User, administrator: User
) -> None:
    page = reverse("registry:version", args=[register().pk])

    assert b"Promote v1" in logged_in(administrator).get(page).content
    assert b"Promote v1" not in logged_in(technician).get(page).content


def test_an_empty_list_explains_what_it_will_contain(technician: User) -> None:
    page = logged_in(technician).get(reverse("registry:versions"))

    assert b"No model version yet" in page.content


def test_anonymous_users_are_redirected_to_the_login(register: Register) -> None:
    for url in (reverse("registry:versions"), reverse("registry:version", args=[register().pk])):
        response = Client().get(url)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("accounts:login"))


def test_a_radiologist_cannot_promote(register: Register, radiologist: User) -> None:
    version = register()

    response = logged_in(radiologist).post(reverse("registry:promote", args=[version.pk]), {"reason": REASON})

    assert response.status_code == 403
    assert selectors.active_version() is None


def test_an_administrator_promotes_and_rolls_back(register: Register, administrator: User) -> None:
    first, second = register(), register()
    client = logged_in(administrator)

    for version in (first, second):
        response = client.post(reverse("registry:promote", args=[version.pk]), {"reason": REASON})
        assert response.status_code == 302
    assert selectors.active_version() == second

    client.post(reverse("registry:roll-back"), {"reason": "It missed a radiograph."})
    assert selectors.active_version() == first


def test_a_refused_promotion_keeps_the_entered_reason(register: Register, administrator: User) -> None:
    version = register(verdict="reject")

    response = logged_in(administrator).post(
        reverse("registry:promote", args=[version.pk]), {"reason": REASON}
    )

    assert response.status_code == 400
    assert REASON in response.content.decode()
    assert "The promotion gate of v1 was not passed." in response.content.decode()
    assert b'name="acknowledged"' in response.content
