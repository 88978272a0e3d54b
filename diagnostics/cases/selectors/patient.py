"""The patient of a case, and the patient's earlier studies."""

from __future__ import annotations

from django.db.models.functions import Coalesce

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.patients import selectors as patients
from diagnostics.patients.models import Patient


def patient_of(case: Case) -> Patient | None:
    """Return what the site knows of the patient; None where only the reference is known."""
    return patients.patient_of(case.site, case.patient_ref)


def priors(case: Case, user: User) -> list[Case]:
    """Return the earlier studies of the same patient at the same site, the newest first.

    A study without a date counts from its upload. Control cases are excluded: a real patient may have the
    reference that was generated for one. Withdrawn cases are excluded too.
    """
    studied_at = Coalesce("radiograph__study_at", "opened_at")
    same_patient = visible_to(user).filter(
        site=case.site_id, patient_ref=case.patient_ref, copy_of=None, withdrawn_at=None
    )
    earlier = (
        same_patient.exclude(pk=case.pk)
        .annotate(studied_at=studied_at)
        .filter(studied_at__lte=case.radiograph.study_at or case.opened_at)
    )
    return list(earlier.select_related("radiograph").order_by("-studied_at", "-opened_at"))
