"""The permission check of training."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.errors import NotAllowed


def require_training(by: User | None) -> None:
    """Raise NotAllowed unless the user may train models; None is the schedule."""
    if by is not None and not by.has_permission(Permission.TRAIN):
        raise NotAllowed(_("Your role does not include the permission to train models."))
