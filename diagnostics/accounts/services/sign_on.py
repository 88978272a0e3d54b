"""The account of a user whom the identity provider has authenticated: role and sites follow its groups."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.errors import SignOnRefused
from diagnostics.accounts.models import ExternalIdentity, Site, User
from diagnostics.accounts.services import end_tokens, get_or_create_default_site, set_admin_flags
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action

UNUSUAL: Final = re.compile(r"[^\w.@+-]")  # characters that no user name may have
MAX_USERNAME: Final = 150
REASONS: Final[dict[str, Promise]] = {
    "provider": _("The identity provider could not confirm the login. Try again, or ask an administrator."),
    "state": _("The login took too long or was begun in another window. Please begin again."),
    "no_role": _("None of your groups has a role in Readroom. Ask an administrator to add you to one."),
    "no_site": _("None of your groups belongs to a site. Ask an administrator to add you to one."),
    "inactive": _("Your account is inactive. Ask an administrator to reactivate it."),
    "name_taken": _(
        "An account with your user name exists and is not linked to the identity provider. "
        "Ask an administrator to link it."
    ),
}


def refused(code: str) -> SignOnRefused:
    """Return the error of a code."""
    return SignOnRefused(code, str(REASONS[code]))


def record_refusal(*, code: str, now: datetime) -> None:
    """Record a refused login in the audit log."""
    audit.record(action=Action.SIGN_ON_REFUSED, by=None, detail={"code": code}, now=now)


@transaction.atomic
def account_of(*, claims: Mapping[str, Any], now: datetime) -> User:
    """Return the account of verified claims, created or updated by its groups; raises SignOnRefused."""
    groups = _groups(claims)
    role, sites = _role(groups), _sites(groups)
    identity = _identity(claims)
    if identity is None:
        user = _linked(claims, now=now) or _created(claims, role, sites, now=now)
        ExternalIdentity.objects.create(
            user=user, issuer=claims["iss"], subject=str(claims["sub"]), linked_at=now
        )
        audit.record(action=Action.SIGN_ON_LINKED, by=None, target=user, now=now)
    else:
        user = identity.user
    if not user.is_active:
        raise refused("inactive")
    _update(user, role, sites, now=now)
    return user


def _groups(claims: Mapping[str, Any]) -> frozenset[str]:
    found = claims.get(settings.OIDC_GROUPS_CLAIM, [])
    return frozenset(str(each) for each in (found if isinstance(found, list) else [found]))


def _role(groups: frozenset[str]) -> str:
    """Return the first role of the setting that one of the groups has; raises SignOnRefused."""
    for role, group in settings.OIDC_ROLES:
        if group in groups:
            return str(role)
    raise refused("no_role")


def _sites(groups: frozenset[str]) -> list[Site] | None:
    """Return the sites of the groups; None where groups do not decide; raises SignOnRefused."""
    if not settings.OIDC_SITES:
        return None
    names = [site for site, group in settings.OIDC_SITES if group in groups]
    sites = list(Site.objects.filter(name__in=names))
    if not sites:
        raise refused("no_site")
    return sites


def _identity(claims: Mapping[str, Any]) -> ExternalIdentity | None:
    known = ExternalIdentity.objects.select_related("user")
    return known.filter(issuer=claims["iss"], subject=str(claims["sub"])).first()


def _username(claims: Mapping[str, Any]) -> str:
    name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    return UNUSUAL.sub("_", name)[:MAX_USERNAME]


def _linked(claims: Mapping[str, Any], *, now: datetime) -> User | None:
    """Return the existing account of a user name, where the setting permits it; raises SignOnRefused."""
    existing = User.objects.filter(username__iexact=_username(claims)).first()
    if existing is None:
        return None
    if not settings.OIDC_LINK_EXISTING or existing.external_identities.exists():
        raise refused("name_taken")
    return existing


def _created(claims: Mapping[str, Any], role: str, sites: Sequence[Site] | None, *, now: datetime) -> User:
    user = User(username=_username(claims), role=role, date_joined=now)
    user.first_name, user.last_name = (
        str(claims.get("given_name", ""))[:150],
        str(claims.get("family_name", ""))[:150],
    )
    user.set_unusable_password()
    set_admin_flags(user)
    user.save()
    user.sites.set(sites if sites is not None else [get_or_create_default_site()])
    detail = {"role": role, "sites": sorted(site.name for site in user.sites.all())}
    audit.record(action=Action.ACCOUNT_CREATED, by=None, target=user, detail=detail, now=now)
    return user


def _update(user: User, role: str, sites: Sequence[Site] | None, *, now: datetime) -> None:
    """Let role and sites follow the groups; a new role ends sessions and API tokens."""
    changes: dict[str, Any] = {}
    if user.role != role:
        changes["role"] = {"old": user.role, "new": role}
        user.role = role
        set_admin_flags(user)
        user.save(update_fields=["role", "is_staff", "is_superuser"])
        end_tokens(user=user, by=None, reason="role", now=now)
    before = sorted(site.name for site in user.sites.all())
    if sites is not None and before != sorted(site.name for site in sites):
        changes["sites"] = {"old": before, "new": sorted(site.name for site in sites)}
        user.sites.set(sites)
    if changes:
        audit.record(
            action=Action.ACCOUNT_CHANGED, by=None, target=user, detail={"changes": changes}, now=now
        )
