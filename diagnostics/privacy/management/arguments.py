"""Arguments that the commands of privacy share."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import CommandError

from diagnostics.accounts import selectors as accounts
from diagnostics.accounts.models import Site, User


def add_site_and_user(parser: ArgumentParser) -> None:
    """Add the site and the administrator in whose name the command runs."""
    parser.add_argument("--by", required=True, help="user name of an administrator of the site")
    parser.add_argument("--site", default="", help="name of the site; default: the default site")


def user_named(username: str) -> User:
    """Return an active user; raises CommandError."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user named {username}.")
    return user


def site_named(name: str) -> Site:
    """Return a site, or the default one for an empty name; raises CommandError, NoDefaultSite."""
    site = Site.objects.filter(name=name).first() if name else accounts.default_site()
    if site is None:
        raise CommandError(f"There is no site named {name}.")
    return site
