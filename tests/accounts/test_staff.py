"""Accounts, sites and the admin where they are kept."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.contrib import admin
from django.test import Client
from rest_framework.authtoken.models import TokenProxy

from diagnostics.accounts import selectors, services
from diagnostics.accounts.errors import NoDefaultSite
from diagnostics.accounts.models import Site, User
from diagnostics.errors import NotAllowed
from tests.conftest import PASSWORD


def test_a_hired_person_can_log_in_and_stands_at_the_given_sites(site: Site, now: datetime, client: Client):
    user = services.create_staff(username="new", password=PASSWORD, role="radiologist", sites=[site], now=now)

    assert client.login(username="new", password=PASSWORD)
    assert list(user.sites.all()) == [site]
    assert (user.is_staff, user.is_superuser, user.date_joined) == (False, False, now)


def test_the_admin_opens_for_hired_administrators_only(client: Client, site: Site, now: datetime):
    chief = services.create_staff(
        username="chief", password=PASSWORD, role="administrator", sites=[site], now=now
    )
    hand = services.create_staff(username="hand", password=PASSWORD, role="technician", sites=[site], now=now)

    client.force_login(chief)
    assert client.get("/admin/accounts/user/").status_code == 200
    client.force_login(hand)
    assert client.get("/admin/accounts/user/").status_code in (302, 403)


def test_the_admin_has_no_door_of_its_own(client: Client, administrator: User, technician: User):
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=/admin/"
    assert (
        client.post("/admin/login/", {"username": "administrator", "password": PASSWORD}).status_code == 302
    )
    assert "_auth_user_id" not in client.session

    client.force_login(technician)
    assert client.get("/admin/login/").status_code == 403

    client.force_login(administrator)
    assert client.get("/admin/password_change/")["Location"] == "/accounts/password/"
    answer = client.post("/admin/logout/")
    assert (answer.status_code, answer["Location"]) == (307, "/accounts/logout/")


def test_new_cases_of_a_member_go_to_the_default_site(site: Site, other_site: Site, technician: User):
    technician.sites.add(other_site)

    assert selectors.default_site() == site
    assert selectors.home_site(technician) == site


def test_new_cases_of_others_go_to_their_own_site(other_site: Site, site: Site, stranger: User):
    assert selectors.home_site(stranger) == other_site


def test_without_a_site_or_a_default_a_person_is_told_what_to_do(other_site: Site, stranger: User):
    stranger.sites.clear()

    with pytest.raises(NotAllowed, match="Ask an administrator"):
        selectors.home_site(stranger)
    with pytest.raises(NoDefaultSite, match="Ask an administrator"):
        selectors.default_site()


def account(role: str, site: Site) -> dict[str, str]:
    return {
        "username": "new",
        "role": role,
        "sites": str(site.pk),
        "password1": "yet another pass phrase",
        "password2": "yet another pass phrase",
    }


@pytest.mark.parametrize(("role", "opens"), [("administrator", True), ("technician", False)])
def test_an_administrator_hires_and_the_role_decides_on_the_admin(
    client: Client, administrator: User, site: Site, role: str, opens: bool
):
    client.force_login(administrator)

    assert client.post("/admin/accounts/user/add/", account(role, site)).status_code == 302

    user = User.objects.get(username="new")
    assert (user.role, user.is_staff, user.is_superuser) == (role, opens, opens)
    assert list(user.sites.all()) == [site]


def test_a_changed_role_closes_the_admin_again(client: Client, administrator: User, site: Site):
    other = services.create_staff(
        username="other", password=PASSWORD, role="administrator", sites=[site], now=administrator.date_joined
    )
    client.force_login(administrator)
    form = {"username": "other", "role": "radiologist", "sites": str(site.pk), "is_active": "on"}

    assert client.post(f"/admin/accounts/user/{other.pk}/change/", form).status_code == 302

    other.refresh_from_db()
    assert (other.role, other.is_staff, other.is_superuser) == ("radiologist", False, False)


def test_nobody_is_deleted_and_no_token_is_on_show(client: Client, administrator: User, technician: User):
    client.force_login(administrator)

    assert client.post(f"/admin/accounts/user/{technician.pk}/delete/", {"post": "yes"}).status_code == 403
    assert not admin.site.is_registered(TokenProxy)


def test_an_administrator_adds_a_site(client: Client, administrator: User):
    client.force_login(administrator)

    site = {"name": "East", "urgent_minutes": 60, "routine_minutes": 240}
    assert client.post("/admin/accounts/site/add/", site).status_code == 302
    assert Site.objects.filter(name="East", is_default=False).exists()
