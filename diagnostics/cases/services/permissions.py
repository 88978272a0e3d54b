"""TODO: diagnostics.cases.services.permissions."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.errors import NotAllowed


def require(by: User, what: Permission) -> None:
    if not by.has_permission(what):
        raise NotAllowed(_("Your role may not do this: %(what)s.") % {"what": what.label})
