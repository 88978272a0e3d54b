"""RT-PCR results beside a case: apart from what the film shows, and kept from readers who read blind."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import NotAllowed
from diagnostics.cases import answers, selectors
from diagnostics.cases.models import Case, Pcr, PcrResult
from diagnostics.cases.refusals import IncompleteOrder


@transaction.atomic
def record_pcr(*, case: Case, result: str, taken_on: date | None, by: User, now: datetime) -> PcrResult:
    """Put a result on record; whoever may still read the film blind neither enters nor sees one."""
    known = selectors.visible_to(by).filter(pk=case.pk).exists()
    if not (known and by.may(May.UPLOAD)) or is_kept_from(by, case):
        raise NotAllowed(_("RT-PCR results are for those who do not read this film."))
    if result not in Pcr.values:
        raise IncompleteOrder("unknown_result", _("Please choose one of the results on the list."))
    if taken_on and taken_on > now.date():
        raise IncompleteOrder("taken_later", _("The sample cannot have been taken after today."))
    row = PcrResult.objects.create(case=case, result=result, taken_on=taken_on, by=by, entered_at=now)
    audit.record(action=Action.PCR_RECORDED, by=by, target=case, detail={"result": result}, now=now)
    return row


def is_kept_from(user: User, case: Case) -> bool:
    """Say whether a result would lead this person's eye: it is a reader who may still read the film."""
    return user.may(May.READ) and case.pk in answers.withheld(user, [case])


def standing_result(case: Case) -> PcrResult | None:
    """Find the newest result; costs no query where they were prefetched."""
    return next(iter(case.pcr_results.all()), None)
