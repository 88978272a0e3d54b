"""Queries of staff and sites."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from diagnostics.accounts.errors import NoDefaultSite
from diagnostics.accounts.models import Site, User
from diagnostics.errors import NotAllowed


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


def has_token(user: User) -> bool:
    """Return whether the user has an API token."""
    return Token.objects.filter(user=user).exists()


def staff_visible_to(user: User) -> QuerySet[User]:
    """Return the accounts that share a site with an administrator, and those without a site."""
    own = User.objects.filter(Q(sites__in=user.sites.values("pk")) | Q(sites=None))
    return User.objects.filter(pk__in=own.values("pk"))


def may_administer(user: User, account: User) -> bool:
    """Return whether an administrator is a member of every site of an account."""
    return not account.sites.exclude(pk__in=user.sites.values("pk")).exists()
