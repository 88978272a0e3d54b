"""The permission check of services."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.errors import NotAllowed


def require(by: User, permission: Permission) -> None:
    """Raise NotAllowed unless the user's role includes the permission."""
    if not by.has_permission(permission):
        raise NotAllowed(
            _("Your role does not include this permission: %(what)s.") % {"what": permission.label}
        )
