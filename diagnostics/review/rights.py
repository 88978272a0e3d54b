"""Who may read which case."""

from __future__ import annotations

from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.base import NotAllowed
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to


def must_be_reader(by: User) -> None:
    """Raise NotAllowed for anybody who does not read films."""
    if not by.may(May.READ):
        raise NotAllowed(_("Only radiologists read films and sign findings."))


def must_read(case: Case, by: User) -> None:
    """Raise NotAllowed for anybody who does not read films where this case belongs."""
    must_be_reader(by)
    if not visible_to(by).filter(pk=case.pk).exists():
        raise NotAllowed(_("This case belongs to a site where you do not work."))
