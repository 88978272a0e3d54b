"""The permission to read one case, and whether it may be read at all."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import CaseWithdrawn


def require_not_withdrawn(case: Case) -> None:
    """Raise CaseWithdrawn for a withdrawn case; pass the case as it is under its lock."""
    if case.withdrawn_at is not None:
        raise CaseWithdrawn(_("This case has been withdrawn and is not read. Please read the next one."))


def require_readable(case: Case, by: User) -> None:
    """Raise NotAllowed unless the user reads radiographs at the site of the case."""
    require(by, Permission.READ)
    if not visible_to(by).filter(pk=case.pk).exists():
        raise NotAllowed(_("This case belongs to a site where you do not work."))
