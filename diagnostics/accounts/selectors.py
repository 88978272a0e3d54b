"""Queries of staff and sites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Count, Min, Q, QuerySet
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from diagnostics.accounts.errors import NoDefaultSite
from diagnostics.accounts.models import ApiToken, Site, User
from diagnostics.errors import NotAllowed

DEFAULT_IDLE_MINUTES = 30
STATES: Final = {
    "active": Q(is_active=True),
    "inactive": Q(is_active=False),
    "no-site": Q(sites=None),
}


def default_site() -> Site:
    """Return the default site of new cases; raises NoDefaultSite."""
    site = Site.objects.filter(is_default=True).first()
    if site is None:
        raise NoDefaultSite(_("No default site is set. Ask an administrator to set one."))
    return site


def home_site(user: User) -> Site:
    """Return the site of the user's uploads: the default site for its members, else their first site."""
    site = user.sites.order_by("-is_default", "name").first()
    if site is None:
        raise NotAllowed(_("You are not a member of a site. Ask an administrator to add you to one."))
    return site


def staff_visible_to(user: User) -> QuerySet[User]:
    """Return the accounts that share a site with an administrator, and those without a site."""
    own = User.objects.filter(Q(sites__in=user.sites.values("pk")) | Q(sites=None))
    return User.objects.filter(pk__in=own.values("pk"))


def may_administer(user: User, account: User) -> bool:
    """Return whether an administrator is a member of every site of an account."""
    return not account.sites.exclude(pk__in=user.sites.values("pk")).exists()


def usernames(keys: Iterable[str]) -> dict[str, str]:
    """Return the usernames of accounts by the hexadecimal digits of their ids."""
    found = User.objects.filter(pk__in=[UUID(key) for key in keys]).values_list("pk", "username")
    return {pk.hex: username for pk, username in found}


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """Return the API tokens of a user that were not ended by a change of the account."""
    return user.api_tokens.filter(credential_state=user.credential_state())


def has_second_factor(user: User) -> bool:
    """Return whether the user has enrolled a second factor."""
    return user.authenticators.exists()


@dataclass(frozen=True)
class SessionRules:
    """What the sites of a user mean for each page of a session."""

    must_enrol: bool  # a site demands a second factor of this role, and none is enrolled
    at_demonstration: bool  # a site is for demonstration


def session_rules(user: User) -> SessionRules:
    """Return the rules of the user's sites for a session."""
    sites = list(user.sites.values_list("second_factor_roles", "is_demonstration"))
    demanded = any(user.role in roles for roles, _is_demonstration in sites)
    return SessionRules(
        must_enrol=demanded and not has_second_factor(user),
        at_demonstration=any(is_demonstration for _roles, is_demonstration in sites),
    )


def idle_timeout(user_id: UUID) -> timedelta:
    """Return the shortest idle timeout of the user's sites; half an hour for a user without a site."""
    shortest = Site.objects.filter(staff=user_id).aggregate(shortest=Min("idle_minutes"))["shortest"]
    return timedelta(minutes=shortest or DEFAULT_IDLE_MINUTES)


def staff_of(user: User) -> QuerySet[User]:
    """Return the staff who work at a site of the user."""
    return User.objects.filter(sites__in=user.sites.all()).distinct().order_by("username")


def staff_with_access(
    user: User, *, now: datetime, q: str = "", role: str = "", state: str = ""
) -> QuerySet[User]:
    """Return the accounts that an administrator may see and that match the filters, by user name.

    Each has the numbers of its second factors and of its valid API tokens.
    """
    accounts = staff_visible_to(user) if user.sites.exists() else User.objects.none()
    if q:
        names = Q(username__icontains=q) | Q(first_name__icontains=q) | Q(last_name__icontains=q)
        accounts = accounts.filter(names | Q(email__icontains=q))
    if role:
        accounts = accounts.filter(role=role)
    accounts = accounts.filter(STATES[state]) if state else accounts
    valid = Q(api_tokens__expires_at__gt=now)
    return (
        accounts.annotate(
            factors=Count("authenticators", distinct=True),
            tokens=Count("api_tokens", filter=valid, distinct=True),
        )
        .prefetch_related("sites")
        .order_by("username")
    )


@dataclass(frozen=True)
class OwnSession:
    """A session of a user; `agent` is what the browser called itself at the login."""

    key: str
    agent: str
    began_at: datetime | None
    seen_at: datetime | None


def sessions_of(user: User, *, now: datetime) -> list[OwnSession]:
    """Return the valid sessions of a user, the newest first.

    A session is stored with its signed content alone, so all rows are read: those of half a day.
    """
    idle, own = idle_timeout(user.pk), user.get_session_auth_hash()
    found: list[OwnSession] = []
    for stored in Session.objects.filter(expire_date__gt=now).iterator():
        content = stored.get_decoded()
        is_own = content.get(SESSION_KEY) == str(user.pk)
        if is_own and constant_time_compare(content.get(HASH_SESSION_KEY, ""), own):
            seen_at = _time(content.get("seen_at"))
            if seen_at is None or now - seen_at <= idle:
                began_at = _time(content.get("began_at"))
                found.append(OwnSession(stored.session_key, content.get("agent", ""), began_at, seen_at))
    return sorted(found, key=lambda session: session.began_at or now, reverse=True)


def _time(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds else None
