"""The API of users, sites and the audit log."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role, Scope
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import create_user

BASE = "/api/v1"


def script_of(user: User, *scopes: Scope) -> Client:
    key = tokens.create_token(by=user, now=timezone.now(), scopes=scopes or None)
    return Client(headers={"Authorization": f"Token {key}"})


def send(client: Client, path: str, **body: Any):
    return client.post(f"{BASE}/{path}", body, content_type="application/json")


def test_an_account_is_created_changed_and_deactivated(administrator: User, site: Site) -> None:
    admin = script_of(administrator)
    fields = {"username": "new", "role": "technician", "sites": [str(site.pk)]}

    created = send(admin, "users/", **fields).json()
    changed = send(admin, f"users/{created['id']}/", **fields | {"last_name": "Meier"}).json()
    ended = send(admin, f"users/{created['id']}/deactivate/").json()

    assert (created["username"], created["sites"], created["is_active"]) == ("new", [str(site.pk)], True)
    assert (changed["last_name"], ended["is_active"]) == ("Meier", False)
    assert not User.objects.get(username="new").has_usable_password()
    actions = set(AuditEvent.objects.filter(by=administrator).values_list("action", flat=True))
    assert {Action.ACCOUNT_CREATED, Action.ACCOUNT_CHANGED} <= actions


def test_an_account_at_a_site_of_others_is_refused(
    administrator: User, other_site: Site, technician: User
) -> None:
    admin = script_of(administrator)
    fields = {"username": "new", "role": "technician", "sites": [str(other_site.pk)]}

    assert send(admin, "users/", **fields).status_code == 400
    assert send(admin, f"users/{technician.pk}/", **fields).status_code == 400
    assert send(admin, f"users/{administrator.pk}/deactivate/").status_code == 404
    assert send(admin, f"users/{technician.pk}/promote/").status_code == 404


def test_the_second_factors_of_an_account_at_a_site_of_others_are_not_reset(
    administrator: User, site: Site, other_site: Site
) -> None:
    shared = create_user("shared", Role.RADIOLOGIST, site, other_site)
    admin = script_of(administrator)

    assert send(admin, f"users/{shared.pk}/reset-factors/").status_code == 403
    administrator.sites.add(other_site)
    assert send(script_of(administrator), f"users/{shared.pk}/reset-factors/").status_code == 200


def test_the_list_of_users_is_filtered_and_holds_no_user_of_another_site(
    administrator: User, technician: User, stranger: User
) -> None:
    admin = script_of(administrator)

    every = admin.get(f"{BASE}/users/").json()["results"]
    technicians = admin.get(f"{BASE}/users/?role=technician").json()["results"]

    assert [row["username"] for row in every] == ["administrator", "technician"]
    assert [row["username"] for row in technicians] == ["technician"]


def test_the_own_account_tells_what_the_token_may_do(radiologist: User) -> None:
    body = script_of(radiologist, Scope.UPLOAD).get(f"{BASE}/me/").json()

    assert (body["username"], body["scopes"]) == ("radiologist", ["upload"])
    assert body["permissions"] == ["retry", "upload"]


def test_the_audit_log_is_filtered_and_has_pages(administrator: User, site: Site) -> None:
    admin = script_of(administrator)
    for number in range(3):
        tokens.create_token(by=create_user(f"user-{number}", Role.TECHNICIAN, site), now=timezone.now())
    path = f"{BASE}/audit/events/?action=token-created&page_size=2"

    first = admin.get(path).json()
    second = admin.get(first["next"]).json()

    assert [row["by"] for row in first["results"]] == ["user-2", "user-1"]
    assert [row["by"] for row in second["results"]] == ["user-0", "administrator"]
    assert second["next"] is None
    assert [row["by"] for row in admin.get(f"{path}&who=user-1").json()["results"]] == ["user-1"]


def test_an_access_policy_is_set_for_an_own_site(administrator: User, site: Site, other_site: Site) -> None:
    admin, rules = script_of(administrator), {"idle_minutes": 15, "second_factor_roles": ["administrator"]}

    stored = send(admin, f"sites/{site.pk}/access-policy/", **rules).json()
    foreign = send(admin, f"sites/{other_site.pk}/access-policy/", **rules)

    assert (stored["idle_minutes"], stored["second_factor_roles"]) == (15, ["administrator"])
    assert foreign.status_code == 404
    site.refresh_from_db()
    assert site.idle_minutes == 15
