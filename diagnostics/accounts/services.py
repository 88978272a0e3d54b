"""What may be done with staff accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from diagnostics.accounts import hotkeys
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action


@transaction.atomic
def create_staff(*, username: str, password: str, role: str, sites: Iterable[Site], now: datetime) -> User:
    """Give a member of staff an account at one or more sites."""
    user = User(username=username, role=role, date_joined=now)
    user.set_password(password)
    open_admin_to_administrators(user)
    user.save()
    user.sites.set(sites)
    return user


def main_site() -> Site:
    """Find the default site; a hospital that has named none gets its first."""
    site = Site.objects.filter(is_default=True).first()
    return site or Site.objects.create(name=_("Main site"), is_default=True)


def open_admin_to_administrators(user: User) -> None:
    """Bring Django's own flags in line with the role; the caller saves."""
    user.is_staff = user.is_superuser = user.role == Role.ADMINISTRATOR


def record_login(*, by: User, now: datetime) -> None:
    """Put on record that somebody came in."""
    audit.record(action=Action.LOGGED_IN, by=by, now=now)


def record_logout(*, by: User, now: datetime) -> None:
    """Put on record that somebody left."""
    audit.record(action=Action.LOGGED_OUT, by=by, now=now)


def record_refused_login(*, now: datetime) -> None:
    """Put on record that a login was refused; what was typed may be a password, so it is not kept."""
    audit.record(action=Action.LOGIN_REFUSED, by=None, now=now)


@transaction.atomic
def change_password(*, by: User, password: str, now: datetime) -> None:
    """Set somebody's own new password."""
    by.set_password(password)
    by.save(update_fields=["password"])
    audit.record(action=Action.PASSWORD_CHANGED, by=by, now=now)


@transaction.atomic
def set_hotkeys(*, by: User, keys: Mapping[str, str]) -> None:
    """Keep somebody's own keys; raises KeyRefused. A preference, so it leaves nothing on record."""
    by.hotkeys = hotkeys.checked(keys)
    by.save(update_fields=["hotkeys"])


@transaction.atomic
def make_token(*, by: User, now: datetime) -> str:
    """Give a script the right to act for this person; an earlier token stops working."""
    Token.objects.filter(user=by).delete()
    token = Token.objects.create(user=by)
    audit.record(action=Action.TOKEN_CREATED, by=by, now=now)
    return token.key


@transaction.atomic
def revoke_token(*, by: User, now: datetime) -> bool:
    """Take that right back; False when there was none."""
    revoked, _ = Token.objects.filter(user=by).delete()
    if revoked:
        audit.record(action=Action.TOKEN_REVOKED, by=by, now=now)
    return bool(revoked)
