"""Who may export and erase."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.errors import NotAllowed


def require_privacy(by: User, site: Site) -> None:
    """Raise NotAllowed unless the user has the permission and is a member of the site."""
    require(by, Permission.PRIVACY)
    if not by.sites.filter(pk=site.pk).exists():
        raise NotAllowed(_("You are not a member of %(site)s.") % {"site": site})
