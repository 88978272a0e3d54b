"""Reads about staff and sites."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.authtoken.models import Token

from diagnostics.accounts.errors import NoDefaultSite
from diagnostics.accounts.models import Site, User
from diagnostics.errors import NotAllowed


def default_site() -> Site:
    """Find the site that new cases go to unless said otherwise."""
    site = Site.objects.filter(is_default=True).first()
    if site is None:
        raise NoDefaultSite(_("No default site is set. Ask an administrator to mark one."))
    return site


def home_site(user: User) -> Site:
    """Find where this person's own uploads go: the default site for its members, else their first."""
    site = user.sites.order_by("-is_default", "name").first()
    if site is None:
        raise NotAllowed(_("You belong to no site yet. Ask an administrator to add you to one."))
    return site


def has_token(user: User) -> bool:
    """Say whether a script may act for this person."""
    return Token.objects.filter(user=user).exists()
