"""The pages of the model versions, for those who may act, who may look, and for strangers."""

from __future__ import annotations

from datetime import datetime

from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.registry import selectors, services
from tests.registry.conftest import Register

REASON = "Better on our own radiographs."


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_everybody_on_the_staff_may_look_at_the_versions(
    register: Register, technician: User, administrator: User, now: datetime
) -> None:
    version = register()
    services.promote(version=version, by=administrator, reason=REASON, now=now)

    listed = logged_in(technician).get(reverse("registry:versions"))
    card = logged_in(technician).get(reverse("registry:version", args=[version.pk]))

    assert REASON in listed.content.decode()
    assert "&lt;b&gt;Research use only.&lt;/b&gt;" in card.content.decode()


def test_only_those_who_may_promote_see_the_form(
    register: Register, technician: User, administrator: User
) -> None:
    page = reverse("registry:version", args=[register().pk])

    assert b"Promote v1" in logged_in(administrator).get(page).content
    assert b"Promote v1" not in logged_in(technician).get(page).content


def test_an_empty_house_says_what_will_stand_here(technician: User) -> None:
    page = logged_in(technician).get(reverse("registry:versions"))

    assert b"No model version yet" in page.content


def test_strangers_are_asked_to_log_in(register: Register) -> None:
    for address in (reverse("registry:versions"), reverse("registry:version", args=[register().pk])):
        answer = Client().get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("accounts:login"))


def test_a_radiologist_may_not_promote(register: Register, radiologist: User) -> None:
    version = register()

    answer = logged_in(radiologist).post(reverse("registry:promote", args=[version.pk]), {"reason": REASON})

    assert answer.status_code == 403
    assert selectors.active_version() is None


def test_an_administrator_promotes_and_rolls_back(register: Register, administrator: User) -> None:
    first, second = register(), register()
    client = logged_in(administrator)

    for version in (first, second):
        answer = client.post(reverse("registry:promote", args=[version.pk]), {"reason": REASON})
        assert answer.status_code == 302
    assert selectors.active_version() == second

    client.post(reverse("registry:roll-back"), {"reason": "It missed a radiograph."})
    assert selectors.active_version() == first


def test_a_refusal_keeps_what_was_typed(register: Register, administrator: User) -> None:
    version = register(verdict="reject")

    answer = logged_in(administrator).post(reverse("registry:promote", args=[version.pk]), {"reason": REASON})

    assert answer.status_code == 400
    assert REASON in answer.content.decode()
    assert "found worse" in answer.content.decode()
    assert b'name="override"' in answer.content
