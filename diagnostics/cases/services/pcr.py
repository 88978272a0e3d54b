"""RT-PCR results beside a case: apart from what the radiograph shows, and kept from readers who read blind."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
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
    """Put a result on record; whoever may still read the radiograph blind neither enters nor sees one."""
    known = selectors.visible_to(by).filter(pk=case.pk).exists()
    if not (known and by.has_permission(Permission.UPLOAD)) or is_pcr_withheld(by, case):
        raise NotAllowed(_("RT-PCR results are for those who do not read this radiograph."))
    if result not in PcrOutcome.values:
        raise InvalidField("unknown_result", _("Please choose one of the results on the list."))
    if taken_on and taken_on > now.date():
        raise InvalidField("taken_later", _("The sample cannot have been taken after today."))
    row = PcrResult.objects.create(case=case, result=result, taken_on=taken_on, by=by, entered_at=now)
    audit.record(action=Action.PCR_RECORDED, by=by, target=case, detail={"result": result}, now=now)
    return row


def is_pcr_withheld(user: User, case: Case) -> bool:
    """Say whether a result would lead this person's eye: it is a reader who may still read the radiograph."""
    return user.has_permission(Permission.READ) and case.pk in blinding.withheld_cases(user, [case])


def latest_pcr_result(case: Case) -> PcrResult | None:
    """Find the newest result; costs no query where they were prefetched."""
    return next(iter(case.pcr_results.all()), None)
