"""RT-PCR results of a case; withheld from readers who may still read the case blind."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.errors import InvalidField
from diagnostics.cases.models import Case, PcrOutcome, PcrResult
from diagnostics.cases.services import blinding
from diagnostics.errors import NotAllowed


@transaction.atomic
def record_pcr(*, case: Case, result: str, taken_on: date | None, by: User, now: datetime) -> PcrResult:
    """Store an RT-PCR result; raises NotAllowed for a reader who may still read the case blind."""
    is_visible = selectors.visible_to(by).filter(pk=case.pk).exists()
    if not (is_visible and by.has_permission(Permission.UPLOAD)) or is_pcr_withheld(by, case):
        raise NotAllowed(_("You cannot enter RT-PCR results of a case that you may still read."))
    if result not in PcrOutcome.values:
        raise InvalidField("unknown_result", _("Please choose one of the listed results."))
    if taken_on and taken_on > timezone.localdate(now):
        raise InvalidField("taken_later", _("The sample date cannot be in the future."))
    row = PcrResult.objects.create(case=case, result=result, taken_on=taken_on, by=by, entered_at=now)
    audit.record(action=Action.PCR_RECORDED, by=by, target=case, detail={"result": result}, now=now)
    return row


def is_pcr_withheld(user: User, case: Case) -> bool:
    """Return whether the result could bias the user, a reader who may still read the case blind."""
    return user.is_reader and case.pk in blinding.withheld_cases(user, [case])


def latest_pcr_result(case: Case) -> PcrResult | None:
    """Return the newest result of a case, without a query where results were prefetched."""
    return next(iter(case.pcr_results.all()), None)
