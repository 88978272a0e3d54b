"""Creation and changes of staff accounts by an administrator of their sites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import end_tokens, require, require_whole_account, set_admin_flags
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import NotAllowed

FIELDS: Final = ("username", "first_name", "last_name", "email", "role")


@transaction.atomic
def create_account(*, values: Mapping[str, Any], sites: Iterable[Site], by: User, now: datetime) -> User:
    """Create an account at some of the administrator's sites; raises NotAllowed.

    It has no password: its user sets one with a password link.
    """
    require(by, Permission.MANAGE_STAFF)
    chosen = _own_sites(by, sites)
    user = User(date_joined=now, **{name: values.get(name, "") for name in FIELDS})
    user.set_unusable_password()
    set_admin_flags(user)
    user.save()
    user.sites.set(chosen)
    detail = {"role": user.role, "sites": _names(chosen)}
    audit.record(action=Action.ACCOUNT_CREATED, by=by, target=user, detail=detail, now=now)
    return user


@transaction.atomic
def change_account(
    *, user: User, values: Mapping[str, Any], sites: Iterable[Site], by: User, now: datetime
) -> None:
    """Change names, role and sites of an account; raises NotAllowed. A new role ends its sessions."""
    _require_administrable(user, by)
    chosen = _own_sites(by, sites)
    stored = User.objects.get(pk=user.pk)  # a form has written its values to `user`
    before = {name: getattr(stored, name) for name in FIELDS} | {"sites": _names(stored.sites.all())}
    after = {name: values.get(name, before[name]) for name in FIELDS} | {"sites": _names(chosen)}
    for name in FIELDS:
        setattr(user, name, after[name])
    set_admin_flags(user)
    user.save(update_fields=[*FIELDS, "is_staff", "is_superuser"])
    user.sites.set(chosen)
    if before["role"] != after["role"]:
        end_tokens(user=user, by=by, reason="role", now=now)
    _record(user, before, after, by=by, now=now)


@transaction.atomic
def set_active(*, user: User, active: bool, by: User, now: datetime) -> None:
    """Deactivate or reactivate an account; raises NotAllowed. Its sessions and API tokens end."""
    _require_administrable(user, by)
    before, user.is_active = {"is_active": user.is_active}, active
    user.save(update_fields=["is_active"])
    if not active:
        end_tokens(user=user, by=by, reason="deactivated", now=now)
    _record(user, before, {"is_active": active}, by=by, now=now)


def _require_administrable(user: User, by: User) -> None:
    require_whole_account(by, user)
    if user.pk == by.pk:
        raise NotAllowed(_("Another administrator changes your account, so that one always remains."))


def _own_sites(by: User, sites: Iterable[Site]) -> list[Site]:
    chosen, own = list(sites), set(by.sites.values_list("pk", flat=True))
    if not chosen or any(site.pk not in own for site in chosen):
        raise NotAllowed(_("An account needs at least one site, and only sites at which you work."))
    return chosen


def _record(user: User, before: dict[str, Any], after: dict[str, Any], *, by: User, now: datetime) -> None:
    changes = {
        name: {"old": before[name], "new": after[name]} for name in after if before[name] != after[name]
    }
    if changes:
        audit.record(action=Action.ACCOUNT_CHANGED, by=by, target=user, detail={"changes": changes}, now=now)


def _names(sites: Iterable[Site]) -> list[str]:
    return sorted(site.name for site in sites)
