"""Django's admin: an administrator reaches the staff of own sites only, and each change is audited."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLResolver, get_resolver

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from tests.conftest import PASSWORD, create_user

USERS, SITES = "/admin/accounts/user/", "/admin/accounts/site/"
NEW_PASSWORD = "yet another pass phrase"
ACTIONS = ("change", "delete", "history", "password")


@pytest.fixture
def chief(client: Client, administrator: User) -> Client:
    """Return a client of the administrator of North."""
    client.force_login(administrator)
    return client


@pytest.fixture
def shared(site: Site, other_site: Site) -> User:
    """Return an administrator of both sites."""
    return create_user("shared", Role.ADMINISTRATOR, site, other_site)


def form(user: User, **changed: Any) -> dict[str, Any]:
    """Return the fields of the account page."""
    fields = {
        "username": user.username,
        "role": user.role,
        "is_active": "on",
        "sites": [str(site.pk) for site in user.sites.all()],
    }
    return fields | changed


def state_of(user: User) -> tuple[Any, ...]:
    """Return everything that the admin could change."""
    return (
        *User.objects.values_list("username", "password", "role", "is_active", "is_superuser").get(
            pk=user.pk
        ),
        *user.sites.order_by("name").values_list("name", flat=True),
    )


@pytest.mark.parametrize("action", ACTIONS)
def test_an_account_of_another_site_cannot_be_told_from_a_missing_one(
    chief: Client, stranger: User, action: str
):
    before = state_of(stranger)

    for method, body in (("get", {}), ("post", {**form(stranger, role="administrator"), "post": "yes"})):
        body |= {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
        answers = [
            getattr(chief, method)(f"{USERS}{pk}/{action}/", body) for pk in (stranger.pk, uuid.uuid4())
        ]
        assert [one.status_code for one in answers] == [answers[0].status_code] * 2
        assert answers[0].status_code in (302, 403, 404)
        assert "stranger" not in answers[0].content.decode()
    assert state_of(stranger) == before


@pytest.mark.parametrize("action", ["change", "delete", "history"])
def test_another_site_cannot_be_told_from_a_missing_one(chief: Client, other_site: Site, action: str):
    body = {"name": "Mine", "stat_minutes": 1, "urgent_minutes": 1, "routine_minutes": 1, "post": "yes"}

    for method in ("get", "post"):
        answers = [
            getattr(chief, method)(f"{SITES}{pk}/{action}/", body) for pk in (other_site.pk, uuid.uuid4())
        ]
        assert [one.status_code for one in answers] == [answers[0].status_code] * 2
        assert answers[0].status_code in (302, 403, 404)
        assert "South" not in answers[0].content.decode()
    assert Site.objects.filter(name="South", urgent_minutes=60).exists()


def test_the_lists_show_own_sites_and_own_staff(
    chief: Client, stranger: User, shared: User, technician: User, other_site: Site
):
    users = chief.get(USERS).content.decode()
    for name in ("technician", "shared", "administrator"):
        assert f">{name}</a>" in users
    for query in ("", "?q=stranger", f"?site={other_site.pk}", f"?id={stranger.pk}", "?e=1"):
        page = chief.get(USERS + query, follow=True).content.decode()
        assert f"{stranger.pk}/change/" not in page
        assert "South" not in page
    assert "South" not in chief.get(SITES).content.decode()


@pytest.mark.parametrize("lookup", ["sites__name__startswith=S", "password__startswith=m", "sites__staff=x"])
def test_the_query_string_probes_no_field_that_is_no_filter(chief: Client, shared: User, lookup: str):
    assert chief.get(f"{USERS}?{lookup}").status_code == 400


@pytest.mark.parametrize("action", ["change", "password"])
def test_an_account_that_also_belongs_to_another_site_is_read_only(
    chief: Client, shared: User, site: Site, action: str
):
    before = state_of(shared)
    takeover = form(shared, sites=[str(site.pk)], password1=NEW_PASSWORD, password2=NEW_PASSWORD)

    assert (
        chief.post(f"{USERS}{shared.pk}/{action}/", takeover | {"usable_password": "true"}).status_code == 403
    )

    assert state_of(shared) == before
    assert chief.get(f"{USERS}{shared.pk}/change/").status_code == 200
    assert chief.get(f"{USERS}{shared.pk}/password/").status_code == 403


def test_no_administrator_grants_a_site_of_others(
    chief: Client, administrator: User, technician: User, site: Site, other_site: Site
):
    both = [str(site.pk), str(other_site.pk)]
    new = {"username": "new", "role": "administrator", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    answers = [
        chief.post(f"{USERS}{technician.pk}/change/", form(technician, sites=both)),
        chief.post(f"{USERS}{administrator.pk}/change/", form(administrator, sites=both)),
        chief.post(f"{USERS}add/", new | {"sites": both}),
    ]

    for answer in answers:
        assert answer.status_code == 200  # the form again, with the error
        assert "is not one of the available choices" in answer.content.decode()
    assert not User.objects.filter(username="new").exists()
    assert set(other_site.staff.all()) == set()
    assert "South" not in chief.get(f"{USERS}add/").content.decode()


@pytest.mark.parametrize("field", ["is_superuser", "is_staff", "user_permissions", "groups", "password"])
def test_no_field_outside_the_form_is_set(chief: Client, technician: User, field: str):
    before = state_of(technician)

    answer = chief.post(f"{USERS}{technician.pk}/change/", form(technician, **{field: "1"}))

    assert answer.status_code == 302
    assert state_of(technician) == before
    assert not technician.user_permissions.exists()


def test_accounts_and_sites_are_never_deleted(chief: Client, technician: User, site: Site):
    for url, pk in ((USERS, technician.pk), (SITES, site.pk)):
        assert chief.get(f"{url}{pk}/delete/").status_code == 403
        assert chief.post(f"{url}{pk}/delete/", {"post": "yes"}).status_code == 403
        body = {"action": "delete_selected", "_selected_action": [str(pk)], "post": "yes"}
        chief.post(url, body)
    assert User.objects.filter(pk=technician.pk).exists()
    assert Site.objects.filter(pk=site.pk).exists()


def test_a_changed_role_and_changed_sites_are_audited_with_old_and_new_values(
    chief: Client, administrator: User, technician: User
):
    body = form(technician, role="radiologist", sites=[], first_name="Ann")
    assert chief.post(f"{USERS}{technician.pk}/change/", body).status_code == 302

    event = AuditEvent.objects.get(action=Action.ACCOUNT_CHANGED)
    assert (event.by, event.target_kind, event.target_id) == (administrator, "user", str(technician.pk))
    assert event.detail == {
        "changes": {
            "role": {"old": "technician", "new": "radiologist"},
            "sites": {"old": ["North"], "new": []},
            "first_name": {"old": "", "new": "Ann"},
        }
    }


def test_a_locked_account_is_audited(chief: Client, technician: User):
    body = form(technician)
    del body["is_active"]
    chief.post(f"{USERS}{technician.pk}/change/", body)

    event = AuditEvent.objects.get(action=Action.ACCOUNT_CHANGED)
    assert event.detail == {"changes": {"is_active": {"old": True, "new": False}}}


def test_an_unchanged_account_is_not_audited(chief: Client, technician: User):
    assert chief.post(f"{USERS}{technician.pk}/change/", form(technician)).status_code == 302

    assert not AuditEvent.objects.filter(action=Action.ACCOUNT_CHANGED).exists()


def test_a_new_account_is_audited_without_its_password(chief: Client, administrator: User, site: Site):
    body = {"username": "new", "role": "technician", "sites": str(site.pk)}
    chief.post(f"{USERS}add/", body | {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})

    new = User.objects.get(username="new")
    event = AuditEvent.objects.get(action=Action.ACCOUNT_CREATED)
    assert (event.by, event.target_id) == (administrator, str(new.pk))
    assert event.detail["changes"]["sites"] == {"old": None, "new": ["North"]}
    assert event.detail["changes"]["username"]["new"] == "new"
    assert_no_password(new)


def test_a_password_that_an_administrator_sets_is_audited_without_it(chief: Client, technician: User):
    body = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "usable_password": "true"}
    assert chief.post(f"{USERS}{technician.pk}/password/", body).status_code == 302

    technician.refresh_from_db()
    assert technician.check_password(NEW_PASSWORD)
    event = AuditEvent.objects.get(action=Action.ACCOUNT_CHANGED)
    assert (event.target_id, event.detail) == (str(technician.pk), {"password": "set"})
    assert_no_password(technician)


def test_a_refused_password_is_not_audited(chief: Client, technician: User):
    body = {"password1": "short", "password2": "short", "usable_password": "true"}
    assert chief.post(f"{USERS}{technician.pk}/password/", body).status_code == 200

    assert not AuditEvent.objects.filter(action=Action.ACCOUNT_CHANGED).exists()


def assert_no_password(user: User) -> None:
    recorded = str(list(AuditEvent.objects.values()))
    assert user.password not in recorded
    for password in (PASSWORD, NEW_PASSWORD):
        assert password not in recorded


def test_new_and_changed_sites_are_audited_and_belong_to_their_creator(chief: Client, administrator: User):
    usual = {
        "name": "East",
        "stat_minutes": 30,
        "urgent_minutes": 60,
        "routine_minutes": 240,
        "patient_masking": "partial",
    }
    chief.post(f"{SITES}add/", usual)
    east = Site.objects.get(name="East")
    body = usual | {"urgent_minutes": 30, "technicians_see_predictions": "on", "patient_masking": "full"}
    assert chief.post(f"{SITES}{east.pk}/change/", body).status_code == 302

    created, changed = AuditEvent.objects.filter(target_id=str(east.pk)).order_by("pk")
    assert list(east.staff.all()) == [administrator]
    assert (created.action, changed.action) == (Action.SITE_CREATED, Action.SITE_CHANGED)
    assert (created.site, changed.by) == (east.pk, administrator)
    assert changed.detail["changes"]["urgent_minutes"] == {"old": 60, "new": 30}
    assert changed.detail["changes"]["patient_masking"] == {"old": "partial", "new": "full"}


@pytest.mark.parametrize(
    "path",
    [
        *("cases/case", "cases/prediction", "review/reading", "review/claim", "audit/auditevent"),
        *("auth/group", "authtoken/tokenproxy", "admin/logentry", "training/trainingrun"),
        *("registry/modelversion", "r/1/1", "r/x/1", "autocomplete"),
    ],
)
def test_the_admin_has_no_other_pages(chief: Client, path: str):
    for ending in ("", "add/", "1/change/", "1/delete/", "1/history/"):
        assert chief.get(f"/admin/{path}/{ending}").status_code == 404
        assert chief.post(f"/admin/{path}/{ending}", {"post": "yes"}).status_code == 404


def test_the_models_of_the_admin_are_users_and_sites() -> None:
    assert set(admin.site._registry) == {User, Site}


@pytest.mark.parametrize("role", ["anonymous", "technician", "radiologist"])
def test_no_url_of_the_admin_is_open_to_others(
    client: Client, request: pytest.FixtureRequest, technician: User, role: str
):
    if role != "anonymous":
        client.force_login(request.getfixturevalue(role))

    for pattern in admin_paths(str(technician.pk)):
        for method in ("get", "post"):
            answer = getattr(client, method)(pattern, follow=True)
            assert answer.status_code == 403 or answer.request["PATH_INFO"] == "/accounts/login/", pattern


def admin_paths(pk: str) -> list[str]:
    """Return the path of every URL of the admin."""
    resolver = next(
        one
        for one in get_resolver().url_patterns
        if isinstance(one, URLResolver) and one.namespace == "admin"
    )
    paths = ["/admin/" + str(one.pattern).removeprefix("^") for one in resolver.url_patterns]
    nested = [f"{USERS}{name}/" for name in ("add", f"{pk}/change", f"{pk}/history", f"{pk}/password")]
    return [path for path in paths if "(" not in path and "<" not in path] + nested
