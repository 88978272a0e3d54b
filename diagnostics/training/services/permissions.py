"""TODO: diagnostics.training.services.permissions."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.errors import NotAllowed


def require_training(by: User | None) -> None:
    if by is not None and not by.has_permission(Permission.TRAIN):
        raise NotAllowed(_("Your role may not train models."))
