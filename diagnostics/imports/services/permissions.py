"""The permission check of imports."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.errors import NotAllowed


def require_import(by: User) -> None:
    """Raise NotAllowed unless the user may import collections."""
    if not by.has_permission(Permission.IMPORT):
        raise NotAllowed(_("Your role does not include the permission to import collections."))
