"""Accounts, sites and their admin pages."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client

from diagnostics.accounts import selectors, services
from diagnostics.accounts.errors import NoDefaultSite
from diagnostics.accounts.models import Site, User
from diagnostics.errors import NotAllowed
from tests.conftest import PASSWORD


def test_a_new_account_can_log_in_and_belongs_to_the_given_sites(site: Site, now: datetime, client: Client):
    user = services.create_staff(username="new", password=PASSWORD, role="radiologist", sites=[site], now=now)

    assert client.login(username="new", password=PASSWORD)
    assert list(user.sites.all()) == [site]
    assert (user.is_staff, user.is_superuser, user.date_joined) == (False, False, now)


def test_only_administrators_may_open_the_admin(client: Client, site: Site, now: datetime):
    chief = services.create_staff(
        username="chief", password=PASSWORD, role="administrator", sites=[site], now=now
    )
    assistant = services.create_staff(
        username="assistant", password=PASSWORD, role="technician", sites=[site], now=now
    )

    client.force_login(chief)
    assert client.get("/admin/accounts/user/").status_code == 200
    client.force_login(assistant)
    assert client.get("/admin/accounts/user/").status_code in (302, 403)


def test_the_admin_uses_the_login_of_the_site(client: Client, administrator: User, technician: User):
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=/admin/"
    assert (
        client.post("/admin/login/", {"username": "administrator", "password": PASSWORD}).status_code == 302
    )
    assert "_auth_user_id" not in client.session

    client.force_login(technician)
    assert client.get("/admin/login/").status_code == 403

    client.force_login(administrator)
    assert client.get("/admin/password_change/")["Location"] == "/accounts/password/"
    response = client.post("/admin/logout/")
    assert (response.status_code, response["Location"]) == (307, "/accounts/logout/")


def test_uploads_of_a_member_belong_to_the_default_site(site: Site, other_site: Site, technician: User):
    technician.sites.add(other_site)

    assert selectors.default_site() == site
    assert selectors.home_site(technician) == site


def test_uploads_of_other_staff_belong_to_their_own_site(other_site: Site, site: Site, stranger: User):
    assert selectors.home_site(stranger) == other_site


def test_a_missing_site_is_an_error_that_says_what_to_do(other_site: Site, stranger: User):
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


@pytest.mark.parametrize(("role", "has_admin"), [("administrator", True), ("technician", False)])
def test_an_administrator_creates_accounts_whose_role_sets_the_admin_flags(
    client: Client, administrator: User, site: Site, role: str, has_admin: bool
):
    client.force_login(administrator)

    assert client.post("/admin/accounts/user/add/", account(role, site)).status_code == 302

    user = User.objects.get(username="new")
    assert (user.role, user.is_staff, user.is_superuser) == (role, has_admin, has_admin)
    assert list(user.sites.all()) == [site]


def test_a_changed_role_removes_access_to_the_admin(client: Client, administrator: User, site: Site):
    other = services.create_staff(
        username="other", password=PASSWORD, role="administrator", sites=[site], now=administrator.date_joined
    )
    client.force_login(administrator)
    form = {"username": "other", "role": "radiologist", "sites": str(site.pk), "is_active": "on"}

    assert client.post(f"/admin/accounts/user/{other.pk}/change/", form).status_code == 302

    other.refresh_from_db()
    assert (other.role, other.is_staff, other.is_superuser) == ("radiologist", False, False)


def test_the_admin_deletes_no_account(client: Client, administrator: User, technician: User):
    client.force_login(administrator)

    assert client.post(f"/admin/accounts/user/{technician.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_administrator_adds_a_site(client: Client, administrator: User):
    client.force_login(administrator)

    site = {
        "name": "East",
        "stat_minutes": 30,
        "urgent_minutes": 60,
        "routine_minutes": 240,
        "patient_masking": "partial",
    }
    assert client.post("/admin/accounts/site/add/", site).status_code == 302
    assert Site.objects.filter(name="East", is_default=False).exists()
