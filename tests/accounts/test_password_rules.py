"""Password rules, the offline list of breached passwords, and password links."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import passwords, tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from tests.conftest import PASSWORD, ROOT, create_user

NEW = "an even longer pass phrase"
LIST = ROOT / "diagnostics" / "accounts" / "breached_passwords.txt.gz"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("correct hors", None),  # twelve characters
        ("correct hor", "at least 12 characters"),
        ("123456654321", "too common"),
        ("Qwerty123456", "too common"),
        ("MailCreated5240", "too common"),  # in the breached list alone
        ("839274650192", "entirely numeric"),
        ("radiologist-at-work", "must not contain your name"),
        ("Rad.Io Logist again", "must not contain your name"),
        ("summer at the NORTH-west", "must not contain your name"),  # the site is called North-West
        ("my Readroom password", "must not contain your name"),
    ],
)
def test_a_password_is_refused_with_its_reason(password: str, reason: str | None, radiologist: User) -> None:
    Site.objects.update(name="North-West")
    if reason is None:
        return validate_password(password, radiologist)
    with pytest.raises(ValidationError, match=reason):
        validate_password(password, radiologist)
    return None


def test_the_list_of_breached_passwords_is_long_and_holds_no_password_that_is_too_short_anyway() -> None:
    words = gzip.decompress(LIST.read_bytes()).decode().splitlines()

    assert len(words) == len(set(words)) == 43_940
    assert min(map(len, words)) == 12
    assert all(word == word.lower() for word in words)
    validators: list[Any] = list(settings.AUTH_PASSWORD_VALIDATORS)
    assert Path(LIST) in [each.get("OPTIONS", {}).get("password_list_path") for each in validators]


def set_password(client: Client, link: str, password: str):
    page = client.get(link, follow=True)
    address = page.redirect_chain[-1][0] if page.redirect_chain else link
    return client.post(address, {"new_password1": password, "new_password2": password})


def test_a_password_link_sets_the_password_once_and_ends_sessions_and_tokens(
    client: Client, administrator: User, technician: User
) -> None:
    key = tokens.create_token(by=technician, now=timezone.now())
    session = Client()
    session.force_login(technician)
    link = passwords.create_password_link(user=technician, by=administrator, now=timezone.now())

    assert set_password(client, link, NEW)["Location"] == "/accounts/login/"

    technician.refresh_from_db()
    assert technician.check_password(NEW)
    assert session.get("/accounts/profile/").status_code == 302
    script = Client(headers={"Authorization": f"Token {key}"})
    assert script.get("/api/v1/cases/").status_code == 401
    assert AuditEvent.objects.get(action=Action.PASSWORD_LINK_CREATED).by == administrator
    assert AuditEvent.objects.get(action=Action.PASSWORD_RESET).by == technician
    assert "This link has expired or was used" in Client().get(link).text


def test_a_weak_password_is_refused_on_the_page_of_the_link(
    client: Client, administrator: User, technician: User
) -> None:
    link = passwords.create_password_link(user=technician, by=administrator, now=timezone.now())

    assert "too common" in set_password(client, link, "qwerty123456").text
    technician.refresh_from_db()
    assert technician.check_password(PASSWORD)


def test_the_link_of_one_user_sets_no_password_of_another(
    client: Client, administrator: User, technician: User, radiologist: User
) -> None:
    first, second = (
        passwords.create_password_link(user=user, by=administrator, now=timezone.now()).split("/")
        for user in (technician, radiologist)
    )
    mixed = "/".join([*first[:-2], second[-2], ""])

    assert "This link has expired or was used" in client.get(mixed).text


def test_an_administrator_gets_a_link_for_staff_of_the_own_sites_only(
    client: Client, administrator: User, technician: User, other_site: Site
) -> None:
    client.force_login(administrator)
    page = client.post(f"/accounts/staff/{technician.pk}/password-link/")
    assert "http://testserver/accounts/password/" in page.text
    assert "no-store" in page["Cache-Control"]

    client.force_login(create_user("elsewhere", "administrator", other_site))  # type: ignore[arg-type]
    assert client.post(f"/accounts/staff/{technician.pk}/password-link/").status_code == 404


def test_no_password_link_for_an_account_at_a_site_of_other_administrators(
    client: Client, administrator: User, site: Site, other_site: Site
) -> None:
    shared = create_user("shared", Role.RADIOLOGIST, site, other_site)
    client.force_login(administrator)

    assert client.post(f"/accounts/staff/{shared.pk}/password-link/").status_code == 403
    with pytest.raises(NotAllowed, match="site of other administrators"):
        passwords.create_password_link(user=shared, by=administrator, now=timezone.now())
    assert not AuditEvent.objects.filter(action=Action.PASSWORD_LINK_CREATED).exists()
    administrator.sites.add(other_site)
    assert client.post(f"/accounts/staff/{shared.pk}/password-link/").status_code == 200


def test_a_radiologist_creates_no_password_link(radiologist: User, technician: User) -> None:
    with pytest.raises(NotAllowed):
        passwords.create_password_link(user=technician, by=radiologist, now=timezone.now())


def test_the_command_prints_a_link(client: Client, technician: User) -> None:
    out = io.StringIO()
    call_command("password_link", technician.username, stdout=out)

    assert set_password(client, out.getvalue().strip(), NEW).status_code == 302
    with pytest.raises(CommandError, match="no active account"):
        call_command("password_link", "no-such-user")
