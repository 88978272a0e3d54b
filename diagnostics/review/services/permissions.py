"""The permission to read one case."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.errors import NotAllowed


def require_readable(case: Case, by: User) -> None:
    """Raise NotAllowed unless the user reads radiographs at the site of the case, CaseWithdrawn if it was."""
    require(by, Permission.READ)
    present = visible_to(by).filter(pk=case.pk).only("withdrawn_at").first()
    if present is None:
        raise NotAllowed(_("This case belongs to a site where you do not work."))
    require_not_withdrawn(present)
