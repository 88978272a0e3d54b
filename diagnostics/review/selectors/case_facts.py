"""What the list of cases shows beside each case, with the same number of queries for any number of rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, prefetch_related_objects

from diagnostics.cases.models import Case, Prediction
from diagnostics.imports.models import ImportedLabel
from diagnostics.patients.models import Patient
from diagnostics.patients.selectors import PatientKey, patients_by_key
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.worklist_query import WorklistState


@dataclass(frozen=True)
class CaseFacts:
    """Patients by site and reference; imported findings and names of readers by case."""

    patients: dict[PatientKey, Patient]
    imported: dict[UUID, str]
    readers: dict[UUID, list[str]]


def case_facts(cases: Sequence[Any]) -> CaseFacts:
    """Return the facts of cases with `state`, and load their predictions, the newest first.

    Readers are named once a case is final, imported findings while nobody has read the case.
    """
    predictions = Prediction.objects.select_related("version").order_by("-queued_at")
    prefetch_related_objects(list(cases), Prefetch("predictions", predictions))
    return CaseFacts(
        patients=patients_by_key((case.site_id, case.patient_ref) for case in cases),
        imported=_imported_findings([case for case in cases if case.state == WorklistState.IMPORTED]),
        readers=_readers([case for case in cases if case.finalized_at is not None]),
    )


def _imported_findings(cases: list[Case]) -> dict[UUID, str]:
    labels = ImportedLabel.objects.filter(case__in=cases).order_by("-imported_at", "-pk")
    return dict(labels.values_list("case", "finding"))  # the first label of a case is the one that stays


def _readers(cases: list[Case]) -> dict[UUID, list[str]]:
    readings = standing_readings().filter(case__in=cases, superseded_by=None).select_related("by")
    names: dict[UUID, list[str]] = defaultdict(list)
    for reading in readings.order_by("signed_at", "pk"):
        name = reading.by.get_full_name() or reading.by.username
        if name not in names[reading.case_id]:
            names[reading.case_id].append(name)
    return names
