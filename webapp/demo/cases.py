"""Demo cases: the published radiographs, uploaded by the demo technician to the demonstration site."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from diagnostics.accounts import selectors as accounts
from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.services import admission
from webapp.demo.radiographs import demo_radiographs, dicom_of

STAT: Final = "DEMO-252-00"  # served first, because it has two priors


def create_cases(*, now: datetime) -> int:
    """Open the missing demo cases and return their number; none outside a demonstration site.

    In a home of an earlier release the demo staff work at the main site, whose readings train models.
    """
    technician = User.objects.get(username="technician")
    site = accounts.home_site(technician)
    if not site.is_demonstration:
        return 0
    known = set(Case.objects.filter(site=site).values_list("accession_number", flat=True))
    missing = [each for each in demo_radiographs() if each.accession_number not in known]
    for number, radiograph in enumerate(missing):
        # Opened in the order of their studies, so that a prior was received before its successor.
        opened_at = now - timedelta(seconds=len(missing) - number)
        admission.open_case(
            radiograph=dicom_of(radiograph, now=now),
            patient_ref=radiograph.patient_ref,
            accession_number=radiograph.accession_number,
            view=radiograph.view,
            priority=Priority.STAT if radiograph.accession_number == STAT else Priority.ROUTINE,
            by=technician,
            now=opened_at,
        )
    return len(missing)
