"""Who must use a second factor, and who may reset it."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import second_factor
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from tests.accounts.test_second_factor import (
    APP,
    FACTORS,
    PROFILE,
    RFC_KEY,
    SECOND,
    code_of,
    enrol,
    log_in,
)
from tests.conftest import create_user


def demand(site: Site, *roles: str) -> None:
    site.second_factor_roles = list(roles)
    site.save()


def test_a_site_demands_a_second_factor_of_a_role(
    client: Client, technician: User, radiologist: User, site: Site
) -> None:
    demand(site, "technician")
    client.force_login(technician)

    assert client.get("/cases/")["Location"] == FACTORS
    response = client.get("/api/v1/cases/")
    assert (response.status_code, response.json()["code"]) == (403, "second_factor_required")
    assert "Your site demands a second factor" in client.get(FACTORS).text

    other = Client()
    other.force_login(radiologist)
    assert other.get("/cases/").status_code == 200


def test_enrolment_opens_the_pages_again(client: Client, technician: User, site: Site) -> None:
    demand(site, "technician")
    log_in(client, technician)
    assert client.get("/cases/")["Location"] == FACTORS
    key = re.search(r'id="totp-key">(\w+)<', client.get(APP).text)[1]  # type: ignore[index]

    client.post(APP, {"code": code_of(key, timezone.now())})

    assert client.get("/cases/").status_code == 200


def test_removing_a_demanded_factor_leads_to_the_enrolment_again(
    client: Client, technician: User, site: Site
) -> None:
    enrol(technician)
    demand(site, "technician")
    log_in(client, technician)
    client.post(SECOND, {"code": code_of(RFC_KEY, timezone.now())})
    assert client.get("/cases/").status_code == 200

    client.post(f"{FACTORS}{technician.authenticators.get().pk}/remove/")

    assert client.get("/cases/")["Location"] == FACTORS


def test_an_administrator_resets_the_second_factor_of_a_colleague(
    client: Client, administrator: User, technician: User
) -> None:
    enrol(technician)
    session = Client()
    session.force_login(technician)
    client.force_login(administrator)

    client.post(f"/accounts/staff/{technician.pk}/reset-factors/")

    assert session.get(PROFILE).status_code == 302
    assert log_in(Client(), technician)["Location"] == "/"
    event = AuditEvent.objects.get(action=Action.FACTORS_RESET)
    assert (event.by, event.target_id) == (administrator, str(technician.pk))


def test_only_administrators_of_the_site_reset_a_second_factor(
    client: Client, technician: User, radiologist: User, other_site: Site
) -> None:
    enrol(technician)
    with pytest.raises(NotAllowed):
        second_factor.reset_factors(user=technician, by=radiologist, now=timezone.now())
    client.force_login(create_user("elsewhere", "administrator", other_site))  # type: ignore[arg-type]

    assert client.post(f"/accounts/staff/{technician.pk}/reset-factors/").status_code == 404
    assert technician.authenticators.exists()


def test_the_second_factors_of_an_account_at_a_site_of_other_administrators_are_not_reset(
    client: Client, administrator: User, site: Site, other_site: Site
) -> None:
    shared = create_user("shared", Role.RADIOLOGIST, site, other_site)
    enrol(shared)
    client.force_login(administrator)

    assert client.post(f"/accounts/staff/{shared.pk}/reset-factors/").status_code == 403
    with pytest.raises(NotAllowed, match="site of other administrators"):
        second_factor.reset_factors(user=shared, by=administrator, now=timezone.now())
    assert shared.authenticators.exists()


def test_the_host_resets_the_last_administrator(administrator: User) -> None:
    enrol(administrator)

    call_command("reset_second_factor", administrator.username)

    assert not administrator.authenticators.exists()
    assert AuditEvent.objects.get(action=Action.FACTORS_RESET).by is None
