"""Set and retire the reference standard of a case."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import CaseNotRead
from diagnostics.review.models import ReferenceCase
from diagnostics.review.services.locks import lock_case


@transaction.atomic
def set_reference_case(*, case: Case, finding: str, basis: str, by: User, now: datetime) -> ReferenceCase:
    """Set the reference standard of a case; raises CaseNotRead while the case is on the worklist."""
    _require_overseer(case, by)
    case = lock_case(case)
    if case.on_worklist and case.finalized_at is None:
        raise CaseNotRead(_("This case has no final finding yet. Set the reference standard once it has."))
    reference_case, _created = ReferenceCase.objects.update_or_create(
        case=case, defaults={"finding": finding, "basis": basis, "by": by, "at": now, "retired_at": None}
    )
    detail = {"finding": finding, "basis": basis}
    audit.record(action=Action.REFERENCE_CASE_SET, by=by, target=case, detail=detail, now=now)
    return reference_case


@transaction.atomic
def retire_reference_case(*, case: Case, by: User, now: datetime) -> None:
    """Add no more control cases of a reference case; existing readings still count."""
    _require_overseer(case, by)
    if ReferenceCase.objects.filter(case=case, retired_at=None).update(retired_at=now):
        audit.record(action=Action.REFERENCE_CASE_RETIRED, by=by, target=case, now=now)


def _require_overseer(case: Case, by: User) -> None:
    if not by.has_permission(Permission.MANAGE_READERS) or not visible_to(by).filter(pk=case.pk).exists():
        raise NotAllowed(_("Only administrators of the site may set a reference standard."))
