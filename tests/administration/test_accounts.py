"""Staff accounts on their own pages: list, creation, changes, deactivation, and the release of cases."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import staff, tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from diagnostics.review.models import Assignment, Claim
from diagnostics.review.services import assignments, claims, readings
from tests.conftest import create_user
from tests.review.conftest import Admit

LIST, NEW = "/accounts/staff/", "/accounts/staff/new/"


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def page_of(user: User) -> str:
    return f"/accounts/staff/{user.pk}/"


def fields(user: User, **changed: Any) -> dict[str, Any]:
    sites = [str(site.pk) for site in user.sites.all()]
    return {"username": user.username, "role": user.role, "sites": sites} | changed


def test_a_new_account_logs_in_with_the_link_that_is_shown_once(office: Client, site: Site) -> None:
    filled = {
        "username": "lee",
        "first_name": "Kim",
        "email": "lee@hospital.example",
        "role": "radiologist",
        "sites": [str(site.pk)],
    }

    page = office.post(NEW, filled).text

    user = User.objects.get(username="lee")
    assert (user.first_name, user.email, user.role, user.is_staff) == (
        "Kim",
        "lee@hospital.example",
        "radiologist",
        False,
    )
    assert list(user.sites.all()) == [site]
    assert not user.has_usable_password()
    created = AuditEvent.objects.get(action=Action.ACCOUNT_CREATED)
    assert (created.target_id, created.detail) == (str(user.pk), {"role": "radiologist", "sites": ["North"]})
    link = re.search(r"http://testserver(/accounts/password/[^<]+)", page)
    assert link is not None
    browser = Client()
    form = browser.get(link[1], follow=True)
    chosen = {"new_password1": "a rather long phrase", "new_password2": "a rather long phrase"}
    browser.post(form.redirect_chain[-1][0], chosen)
    assert browser.login(username="lee", password="a rather long phrase")


@pytest.mark.parametrize("role", list(Role))
def test_no_account_is_created_without_a_site(office: Client, role: str) -> None:
    response = office.post(NEW, {"username": "lee", "role": role})

    assert response.status_code == 400
    assert "Choose at least one site" in response.text
    assert not User.objects.filter(username="lee").exists()


def test_an_administrator_gives_no_site_of_others(
    office: Client, administrator: User, technician: User, other_site: Site, now: datetime
) -> None:
    strange = [str(other_site.pk)]
    assert office.post(NEW, {"username": "lee", "role": "technician", "sites": strange}).status_code == 400
    assert office.post(page_of(technician), fields(technician, sites=strange)).status_code == 400
    with pytest.raises(NotAllowed):
        staff.create_account(
            values={"username": "lee", "role": "technician"}, sites=[other_site], by=administrator, now=now
        )
    with pytest.raises(NotAllowed):
        staff.create_account(
            values={"username": "lee", "role": "technician"}, sites=[], by=administrator, now=now
        )


def test_a_changed_role_is_recorded_and_ends_sessions_and_tokens(office: Client, technician: User) -> None:
    session = Client()
    session.force_login(technician)
    tokens.create_token(by=technician, now=timezone.now())

    office.post(page_of(technician), fields(technician, role="administrator", last_name="Meier"))

    technician.refresh_from_db()
    assert (technician.role, technician.is_staff) == ("administrator", True)
    assert session.get("/accounts/profile/").status_code == 302
    assert not technician.api_tokens.exists()
    assert AuditEvent.objects.get(action=Action.ACCOUNT_CHANGED).detail == {
        "changes": {
            "last_name": {"old": "", "new": "Meier"},
            "role": {"old": "technician", "new": "administrator"},
        }
    }


def test_a_deactivated_reader_loses_session_claim_and_assignments(
    office: Client, administrator: User, radiologist: User, admit: Admit
) -> None:
    now = timezone.now()
    claimed, assigned, read = admit(1), admit(2), admit(3)
    readings.sign_reading(case=read, by=radiologist, finding="normal", now=now)
    claims.claim(case=claimed, by=radiologist, now=now)
    assignments.assign(cases=[assigned], to=radiologist, by=administrator, now=now)
    session = Client()
    session.force_login(radiologist)

    page = office.post(f"{page_of(radiologist)}activity/deactivate/", follow=True).text

    assert "radiologist can no longer log in. 2 cases were released." in page
    assert session.get("/review/").status_code == 302
    assert Claim.objects.get(case=claimed).ended_at is not None
    assert not Assignment.objects.exists()
    assert read.readings.count() == 1
    ended = AuditEvent.objects.get(action=Action.CLAIM_ENDED)
    assert (ended.by, ended.target_id) == (administrator, str(claimed.pk))

    office.post(f"{page_of(radiologist)}activity/reactivate/")
    radiologist.refresh_from_db()
    assert radiologist.is_active
    changes = AuditEvent.objects.filter(action=Action.ACCOUNT_CHANGED).order_by("pk")
    assert [event.detail["changes"]["is_active"]["new"] for event in changes] == [False, True]


def test_a_reader_who_leaves_a_site_loses_the_claims_of_that_site_only(
    office: Client, administrator: User, radiologist: User, other_site: Site, admit: Admit
) -> None:
    now = timezone.now()
    administrator.sites.add(other_site)
    radiologist.sites.add(other_site)
    here, there = admit(1), admit(2, at=other_site)
    for case in (here, there):
        assignments.assign(cases=[case], to=radiologist, by=administrator, now=now)

    office.post(page_of(radiologist), fields(radiologist, sites=[str(here.site_id)]))

    assert [assignment.case for assignment in Assignment.objects.all()] == [here]


def test_an_account_shared_with_others_is_shown_and_not_changed(
    office: Client, administrator: User, site: Site, other_site: Site, now: datetime
) -> None:
    shared = create_user("shared", Role.RADIOLOGIST, site, other_site)

    page = office.get(page_of(shared)).text

    assert "belongs to a site of other administrators" in page
    for button in ("Deactivate account", "Create password link", "Reset second factor"):
        assert button not in page
    for address, body in (
        (page_of(shared), fields(shared, sites=[str(site.pk)])),
        (f"{page_of(shared)}activity/deactivate/", {}),
    ):
        assert office.post(address, body).status_code == 403
    shared.refresh_from_db()
    assert (shared.is_active, shared.sites.count()) == (True, 2)


def test_no_administrator_changes_the_own_account_or_one_of_another_site(
    office: Client, administrator: User, stranger: User, now: datetime
) -> None:
    for user in (administrator, stranger):
        assert office.get(page_of(user)).status_code == 404
        assert office.post(f"{page_of(user)}activity/deactivate/").status_code == 404
        assert office.post(page_of(user), fields(user)).status_code == 404
    with pytest.raises(NotAllowed):
        staff.set_active(user=administrator, active=False, by=administrator, now=now)


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ({}, {"administrator", "radiologist", "technician", "lost"}),
        ({"q": "RADIO"}, {"radiologist"}),
        ({"role": "technician"}, {"technician"}),
        ({"state": "inactive"}, {"technician"}),
        ({"state": "no-site"}, {"lost"}),
        ({"state": "unknown"}, {"administrator", "radiologist", "technician", "lost"}),
    ],
)
def test_the_list_has_filters(
    office: Client,
    technician: User,
    radiologist: User,
    stranger: User,
    query: dict[str, str],
    listed: set[str],
) -> None:
    create_user("lost", Role.RADIOLOGIST)
    User.objects.filter(pk=technician.pk).update(is_active=False)

    page = office.get(LIST, query)

    assert {row.username for row in page.context["rows"]} == listed
    assert ("No site" in page.text) == ("lost" in listed)


def test_an_account_without_a_site_is_given_one(office: Client, site: Site) -> None:
    lost = create_user("lost", Role.RADIOLOGIST)
    assert "belongs to no site" in office.get(page_of(lost)).text

    office.post(page_of(lost), fields(lost, sites=[str(site.pk)]))

    assert list(lost.sites.all()) == [site]
