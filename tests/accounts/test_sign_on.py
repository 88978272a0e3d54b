"""Login at an OpenID provider: its tokens are verified, and its groups alone give role and sites."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import ExternalIdentity, Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import second_factor, totp
from diagnostics.audit.models import Action, AuditEvent
from tests.accounts.openid_provider import (
    CLIENT_ID,
    CODE,
    Provider,
    client_secret_as_key,
    openid_provider,
    other_key,
    unsigned,
)
from tests.conftest import PASSWORD, create_user
from webapp.checks import check_login


@pytest.fixture
def provider(settings: Settings, site: Site) -> Iterator[Provider]:
    with openid_provider() as running:
        settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = running.issuer, CLIENT_ID
        settings.OIDC_ROLES = [("administrator", "admins"), ("radiologist", "radiology")]
        settings.OIDC_SITES = [("North", "radiology"), ("North", "admins"), ("South", "south")]
        yield running


def log_in(client: Client, provider: Provider, then: str = "/accounts/profile/") -> Any:
    """Walk to the provider and back."""
    begun = client.get("/accounts/sign-on/", {"next": then})
    assert location(begun).startswith(f"{provider.issuer}/authorize?")
    return client.get("/accounts/sign-on/callback/", {"state": provider.visit(location(begun)), "code": CODE})


def location(response: Any) -> str:
    """Return where a response redirects to."""
    return str(response.headers["Location"])


def user_of(client: Client) -> User | None:
    pk = client.session.get("_auth_user_id")
    return User.objects.get(pk=pk) if pk else None


def test_a_first_login_creates_an_account_with_role_and_site_of_its_groups(
    client: Client, provider: Provider
) -> None:
    response = log_in(client, provider)

    user = user_of(client)
    assert user is not None
    assert response.url == "/accounts/profile/"
    assert (user.username, user.role, user.is_superuser) == ("dr.lee", Role.RADIOLOGIST, False)
    assert [site.name for site in user.sites.all()] == ["North"]
    assert not user.has_usable_password()
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == [Action.ACCOUNT_CREATED, Action.SIGN_ON_LINKED, Action.LOGGED_IN]


def test_a_later_login_finds_the_account_by_subject_and_follows_its_groups(
    client: Client, provider: Provider, other_site: Site
) -> None:
    log_in(client, provider)
    provider.groups, provider.extra = ["admins", "south"], {"preferred_username": "renamed"}

    log_in(Client(), provider)

    user = User.objects.get()
    assert (user.username, user.role, user.is_superuser) == ("dr.lee", Role.ADMINISTRATOR, True)
    assert sorted(site.name for site in user.sites.all()) == ["North", "South"]
    assert client.get("/accounts/profile/").status_code == 302  # the new role has ended the old session


@pytest.mark.parametrize(
    "spoiled",
    [
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another-client"]},
        {"aud": [CLIENT_ID, "another-client"], "azp": "another-client"},
        {"iss": "https://another.example"},
        {"nonce": "of-another-login"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": None},
        other_key,
        unsigned,
        client_secret_as_key,
    ],
    ids=[
        *("audience", "two-audiences-without-party", "another-party", "issuer", "nonce", "no-nonce"),
        *("expired", "no-expiry", "issued-in-the-future", "no-subject"),
        *("another-key", "unsigned", "shared-secret"),
    ],
)
def test_a_token_that_is_not_of_this_login_is_refused(
    spoiled: Any, client: Client, provider: Provider
) -> None:
    if callable(spoiled):
        provider.sign = spoiled
    else:
        provider.extra = spoiled

    response = log_in(client, provider)

    assert response.url == "/accounts/login/"
    assert user_of(client) is None
    assert not User.objects.exists()
    assert AuditEvent.objects.get(action=Action.SIGN_ON_REFUSED).detail == {"code": "provider"}


def test_a_callback_without_its_begin_is_refused(client: Client, provider: Provider) -> None:
    begun = client.get("/accounts/sign-on/")
    state = provider.visit(location(begun))
    victim = Client()

    for attempt in (client, victim):
        wrong = "x" if attempt is client else state
        attempt.get("/accounts/sign-on/callback/", {"state": wrong, "code": CODE})
        assert user_of(attempt) is None
    client.get("/accounts/sign-on/callback/", {"state": state, "code": CODE})
    assert user_of(client) is None  # the begin was used up by the wrong state


def test_a_code_of_another_login_is_refused_by_pkce(client: Client, provider: Provider) -> None:
    begun = client.get("/accounts/sign-on/")
    state = provider.visit(location(begun))
    provider.visit(location(Client().get("/accounts/sign-on/")))  # the code belongs to this one

    client.get("/accounts/sign-on/callback/", {"state": state, "code": CODE})

    assert user_of(client) is None


@pytest.mark.parametrize(
    ("groups", "code"), [([], "no_role"), (["Radiology"], "no_role"), (["south"], "no_role")]
)
def test_groups_without_a_role_give_no_account(
    groups: list[str], code: str, client: Client, provider: Provider
) -> None:
    provider.groups = groups

    log_in(client, provider)

    assert not User.objects.exists()
    assert AuditEvent.objects.get().detail == {"code": code}


def test_groups_without_a_site_give_no_account(
    client: Client, provider: Provider, settings: Settings
) -> None:
    settings.OIDC_SITES = [("South", "south")]

    log_in(client, provider)

    assert AuditEvent.objects.get().detail == {"code": "no_site"}


def test_a_claimed_role_makes_no_administrator(client: Client, provider: Provider) -> None:
    provider.extra = {"role": "administrator", "is_superuser": True, "groups": ["radiology", "administrator"]}

    log_in(client, provider)

    user = User.objects.get()
    assert (user.role, user.is_superuser) == (Role.RADIOLOGIST, False)


def test_an_account_of_the_same_name_is_taken_over_only_by_setting(
    client: Client, provider: Provider, site: Site, settings: Settings
) -> None:
    existing = create_user("Dr.Lee", Role.RADIOLOGIST, site)

    log_in(client, provider)
    assert user_of(client) is None
    assert AuditEvent.objects.get().detail == {"code": "name_taken"}

    settings.OIDC_LINK_EXISTING = True
    log_in(client, provider)
    assert user_of(client) == existing
    provider.extra = {"sub": "subject-2"}  # another person who took the name at the provider
    second = Client()
    log_in(second, provider)
    assert user_of(second) is None
    assert ExternalIdentity.objects.count() == 1


def test_an_inactive_account_is_refused(client: Client, provider: Provider) -> None:
    log_in(client, provider)
    User.objects.update(is_active=False)
    again = Client()

    log_in(again, provider)

    assert user_of(again) is None


def test_an_enrolled_second_factor_is_asked_for(client: Client, provider: Provider) -> None:
    log_in(client, provider)
    user = User.objects.get()
    key = totp.new_key()
    code = totp.pyotp.TOTP(key).now()
    second_factor.add_totp(by=user, name="", key=key, code=code, now=timezone.now() - timedelta(seconds=30))
    again = Client()

    response = log_in(again, provider)

    assert response.url == "/accounts/login/second-factor/"
    assert user_of(again) is None


def test_a_second_factor_of_the_provider_counts_where_the_setting_names_it(
    client: Client, provider: Provider, site: Site, settings: Settings
) -> None:
    Site.objects.filter(pk=site.pk).update(second_factor_roles=["radiologist"])
    provider.extra = {"amr": ["pwd", "mfa"]}

    log_in(client, provider)
    assert location(client.get("/cases/")) == "/accounts/factors/"  # the site demands one, and none counts

    settings.OIDC_SECOND_FACTOR = ["mfa"]
    again = Client()
    log_in(again, provider)
    assert again.get("/cases/").status_code == 200


def test_a_sensitive_page_asks_the_provider_again(client: Client, provider: Provider) -> None:
    log_in(client, provider)

    confirm = client.get("/accounts/factors/app/")
    asked = client.get(location(confirm))
    begun = client.get(location(asked))

    assert location(asked).startswith("/accounts/sign-on/?again=1")
    assert "prompt=login" in location(begun)
    provider.extra = {"auth_time": int(timezone.now().timestamp())}
    back = client.get("/accounts/sign-on/callback/", {"state": provider.visit(location(begun)), "code": CODE})
    assert client.get(location(back)).status_code == 200


def test_a_logout_offers_the_logout_at_the_provider(client: Client, provider: Provider) -> None:
    provider.metadata = {"end_session_endpoint": f"{provider.issuer}/end"}
    log_in(client, provider)

    page = client.post("/accounts/logout/", follow=True)

    assert user_of(client) is None
    assert f"{provider.issuer}/end?client_id={CLIENT_ID}&amp;post_logout_redirect_uri=" in page.text


def test_a_login_leads_to_no_other_host(client: Client, provider: Provider) -> None:
    assert log_in(client, provider, then="https://evil.example/").url == "/"


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://another.example"}, {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": ""}],
)
def test_unusable_metadata_of_the_provider_are_refused(
    metadata: dict[str, str], client: Client, provider: Provider
) -> None:
    provider.metadata = metadata

    response = client.get("/accounts/sign-on/", follow=True)

    assert "could not confirm the login" in response.text


def test_local_login_remains_unless_it_is_disabled(
    client: Client, provider: Provider, radiologist: User, settings: Settings
) -> None:
    form = {"username": radiologist.username, "password": PASSWORD}
    page = client.get("/accounts/login/")
    assert 'name="password"' in page.text
    assert "Log in with hospital account" in page.text

    settings.LOCAL_LOGIN = False
    assert client.post("/accounts/login/", form).status_code == 403
    assert 'name="password"' not in client.get("/accounts/login/").text
    settings.LOCAL_LOGIN = True
    assert client.post("/accounts/login/", form).status_code == 302


def test_a_start_without_any_way_to_log_in_is_refused(settings: Settings) -> None:
    settings.LOCAL_LOGIN = False
    assert [error.id for error in check_login(None)] == ["readroom.E004"]
    settings.LOCAL_LOGIN, settings.OIDC_ROLES = True, [("surgeon", "x")]
    assert [error.id for error in check_login(None)] == ["readroom.E005"]
