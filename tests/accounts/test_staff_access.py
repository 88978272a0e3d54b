"""The page of staff access: whom it lists, what it changes, and the access policy of a site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from diagnostics.accounts import selectors
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.services import access_policy, tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed

STAFF = "/accounts/staff/"


def test_the_page_lists_the_staff_of_the_own_sites(
    client: Client, administrator: User, technician: User, stranger: User
) -> None:
    client.force_login(administrator)
    page = client.get(STAFF).text

    assert technician.username in page
    assert stranger.username not in page
    account = f"/accounts/staff/{technician.pk}/"
    assert f'href="{account}"' in page
    assert f"/accounts/staff/{administrator.pk}/" not in page  # not for the own account
    assert f"{STAFF}{technician.pk}/unlock/" in client.get(account).text


def test_an_administrator_changes_neither_the_own_account_nor_that_of_another_site(
    client: Client, administrator: User, stranger: User
) -> None:
    client.force_login(administrator)
    for user in (administrator, stranger):
        for action in ("unlock", "reset-factors", "end-access", "password-link"):
            assert client.post(f"{STAFF}{user.pk}/{action}/").status_code == 404
    assert client.post(f"{STAFF}{stranger.pk}/no-such-action/").status_code == 404


def test_an_administrator_ends_all_sessions_and_tokens_of_a_colleague(
    client: Client, administrator: User, technician: User
) -> None:
    key = tokens.create_token(by=technician, now=timezone.now())
    session = Client()
    session.force_login(technician)
    client.force_login(administrator)

    client.post(f"{STAFF}{technician.pk}/end-access/")

    assert session.get("/accounts/profile/").status_code == 302
    script = Client(headers={"Authorization": f"Token {key}"})
    assert script.get("/api/v1/cases/").status_code == 401
    assert AuditEvent.objects.get(action=Action.ACCESS_ENDED).by == administrator
    assert AuditEvent.objects.get(action=Action.TOKENS_ENDED).target_id == str(technician.pk)


def policy(site: Site, **fields: Any) -> dict[str, Any]:
    return {f"{site.pk}-{name}": value for name, value in fields.items()}


def test_the_policy_of_a_site_is_saved_and_recorded(client: Client, administrator: User, site: Site) -> None:
    client.force_login(administrator)
    fields = policy(site, idle_minutes=10, second_factor_roles=["radiologist"])

    assert client.post(f"/accounts/sites/{site.pk}/policy/", fields).status_code == 302

    site.refresh_from_db()
    assert (site.idle_minutes, site.second_factor_roles) == (10, ["radiologist"])
    event = AuditEvent.objects.get(action=Action.ACCESS_POLICY_CHANGED)
    assert (event.by, event.detail) == (administrator, {"idle minutes": 10, "second factor": "radiologist"})


@pytest.mark.parametrize("wrong", [{"idle_minutes": 4}, {"idle_minutes": 121}, {"idle_minutes": ""}])
def test_an_idle_timeout_beyond_its_bounds_is_refused(
    wrong: dict[str, Any], client: Client, administrator: User, site: Site
) -> None:
    client.force_login(administrator)

    assert client.post(f"/accounts/sites/{site.pk}/policy/", policy(site, **wrong)).status_code == 400
    site.refresh_from_db()
    assert site.idle_minutes == 30


def test_the_policy_of_another_site_cannot_be_changed(
    client: Client, administrator: User, other_site: Site
) -> None:
    client.force_login(administrator)
    fields = policy(other_site, idle_minutes=120)

    assert client.post(f"/accounts/sites/{other_site.pk}/policy/", fields).status_code == 404
    with pytest.raises(NotAllowed):
        access_policy.set_access_policy(
            site=other_site, idle_minutes=120, second_factor_roles=[], by=administrator, now=timezone.now()
        )


def test_the_shortest_idle_timeout_of_a_users_sites_counts(
    technician: User, site: Site, other_site: Site
) -> None:
    Site.objects.filter(pk=other_site.pk).update(idle_minutes=10)
    assert selectors.idle_timeout(technician.pk) == timedelta(minutes=30)
    technician.sites.add(other_site)
    assert selectors.idle_timeout(technician.pk) == timedelta(minutes=10)
    technician.sites.clear()
    assert selectors.idle_timeout(technician.pk) == timedelta(minutes=30)
