"""Changes of staff accounts, passwords and hotkeys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts import hotkeys, selectors
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission, Role
from diagnostics.accounts.services.tokens import create_token, end_tokens, revoke_token
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import NotAllowed

__all__ = ["create_token", "revoke_token"]  # scripts and tests create and revoke tokens from here


def require(user: User, permission: Permission) -> None:
    """Raise NotAllowed unless the user's role includes the permission; every service starts with it."""
    if not user.has_permission(permission):
        raise NotAllowed(
            _("Your role does not include this permission: %(what)s.") % {"what": permission.label}
        )


def require_whole_account(by: User, account: User) -> None:
    """Raise NotAllowed where an account also belongs to a site of other administrators.

    Whoever sets its password or removes its second factors can log in with it, at all of its sites.
    """
    require(by, Permission.MANAGE_STAFF)
    if not selectors.may_administer(by, account):
        raise NotAllowed(_("This account also belongs to a site of other administrators."))


@transaction.atomic
def create_staff(*, username: str, password: str, role: str, sites: Iterable[Site], now: datetime) -> User:
    """Create a staff account at one or more sites."""
    user = User(username=username, role=role, date_joined=now)
    user.set_password(password)
    set_admin_flags(user)
    user.save()
    user.sites.set(sites)
    return user


def get_or_create_default_site() -> Site:
    """Return the default site; create it when there is none."""
    site = Site.objects.filter(is_default=True).first()
    return site or Site.objects.create(name=_("Main site"), is_default=True)


def get_or_create_demonstration_site() -> Site:
    """Return the demonstration site, which never counts for training; create it when there is none."""
    site = Site.objects.filter(is_demonstration=True).first()
    return site or Site.objects.create(name=_("Demonstration"), is_demonstration=True)


def set_admin_flags(user: User) -> None:
    """Set Django's staff and superuser flags to match the role; the caller saves."""
    user.is_staff = user.is_superuser = user.role == Role.ADMINISTRATOR


def record_login(*, by: User, now: datetime) -> None:
    """Record a login in the audit log."""
    audit.record(action=Action.LOGGED_IN, by=by, now=now)


def record_logout(*, by: User, now: datetime) -> None:
    """Record a logout in the audit log."""
    audit.record(action=Action.LOGGED_OUT, by=by, now=now)


@transaction.atomic
def change_password(*, by: User, password: str, now: datetime) -> None:
    """Set the user's own password; it ends all other sessions and all API tokens."""
    by.set_password(password)
    by.save(update_fields=["password"])
    audit.record(action=Action.PASSWORD_CHANGED, by=by, now=now)
    end_tokens(user=by, by=by, reason="password", now=now)


@transaction.atomic
def set_hotkeys(*, by: User, keys: Mapping[str, str]) -> None:
    """Store the user's own hotkeys; raises InvalidHotkeys. A preference is not audited."""
    by.hotkeys = hotkeys.validated(keys)
    by.save(update_fields=["hotkeys"])
