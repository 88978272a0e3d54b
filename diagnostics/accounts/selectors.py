"""Queries of staff and sites."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.errors import NoDefaultSite
from diagnostics.accounts.models import ApiToken, Site, User
from diagnostics.errors import NotAllowed

DEFAULT_IDLE_MINUTES = 30


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


def staff_with_access(user: User, *, now: datetime) -> QuerySet[User]:
    """Return that staff with the numbers of their second factors and of their valid API tokens."""
    valid = Q(api_tokens__expires_at__gt=now)
    return staff_of(user).annotate(
        factors=Count("authenticators", distinct=True),
        tokens=Count("api_tokens", filter=valid, distinct=True),
    )
