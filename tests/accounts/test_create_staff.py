"""The command create_staff."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from diagnostics.accounts.models import Site, User


@pytest.mark.django_db
def test_the_command_creates_the_first_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long pass phrase\n"))

    call_command("create_staff", "chief", role="administrator", stdout=io.StringIO())

    chief = User.objects.get(username="chief")
    assert chief.check_password("a long pass phrase")
    assert (chief.role, chief.is_superuser) == ("administrator", True)
    assert list(chief.sites.all()) == [Site.objects.get(is_default=True)]


@pytest.mark.django_db
def test_a_short_password_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))

    with pytest.raises(CommandError, match="12 characters"):
        call_command("create_staff", "chief", role="administrator", stdout=io.StringIO())

    assert not User.objects.exists()


def test_an_existing_user_name_is_refused(technician: User) -> None:
    with pytest.raises(CommandError, match="already"):
        call_command("create_staff", technician.username, role="technician", stdout=io.StringIO())
