"""One row of the list of cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from diagnostics.cases.models import Priority
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.presenters.case_list import ResultCell, failed_cell, result_cell, stopped_cell
from diagnostics.cases.presenters.due import DueTime, due_time
from diagnostics.cases.presenters.prediction import finding_label
from diagnostics.cases.selectors import latest_prediction
from diagnostics.patients.presenters import PatientLine, patient_line
from diagnostics.review.presenters.status import StatusLabel, state_label
from diagnostics.review.selectors.case_facts import CaseFacts
from diagnostics.review.worklist_query import WorklistState

VERSION_LENGTH: Final = 16  # characters of a hash
NOT_DUE: Final = (WorklistState.FINAL, WorklistState.IMPORTED, WorklistState.WITHDRAWN)


@dataclass(frozen=True)
class Cell:
    """A text and a quieter addition; both may be empty."""

    text: str
    detail: str = ""


@dataclass(frozen=True)
class CaseRow:
    """One case of the list; its values are plain, so that `version` changes with any of them."""

    pk: str
    url: str
    thumbnail: str
    priority: case_presenters.PriorityLabel
    due: DueTime | None  # None where no reading is due
    patient: PatientLine
    accession: str
    sex_and_age: str
    study_at: datetime | None
    view: str
    received_at: datetime
    status: StatusLabel
    finalized_at: datetime | None
    result: ResultCell | None
    result_note: str  # why there is no AI result
    finding: Cell
    reader: Cell
    css_class: str

    @cached_property
    def version(self) -> str:
        """A hash of all values: where it differs, the page replaces a row and the row is rendered anew."""
        return sha256(repr(self).encode()).hexdigest()[:VERSION_LENGTH]


@dataclass(frozen=True)
class Viewer:
    """What the user who opens the list may see and do."""

    is_reader: bool
    shown_results: frozenset[UUID]  # cases whose AI result the list may show
    withheld: frozenset[UUID]  # cases that must not tell of their findings


def row(case: Any, facts: CaseFacts, viewer: Viewer, now: datetime) -> CaseRow:
    """Return the row of a case from `selectors.worklist.with_details`."""
    radiograph, state = case.radiograph, WorklistState(case.state)
    result, note = _result(case, viewer)
    return CaseRow(
        pk=str(case.pk),
        url=_url(case, state, viewer),
        thumbnail=reverse("cases:thumbnail", args=[case.pk]),
        priority=case_presenters.priority_label(case),
        due=None if state in NOT_DUE else due_time(case.due_at, now),
        patient=_patient(case, facts),
        accession=case.accession_number,
        sex_and_age=case_presenters.sex_and_age(radiograph),
        study_at=radiograph.study_at,
        view=case_presenters.view_label(radiograph),
        received_at=case.opened_at,
        status=state_label(case.state, case.reader),
        finalized_at=case.finalized_at if state == WorklistState.FINAL else None,
        result=result,
        result_note=note,
        finding=_finding(case, facts, viewer),
        reader=_reader(case, facts),
        css_class="rr-row-stat" if case.priority == Priority.STAT else "",
    )


def _patient(case: Any, facts: CaseFacts) -> PatientLine:
    patient = facts.patients.get((case.site_id, case.patient_ref))
    return patient_line(case.site, patient, case.patient_ref)


def _url(case: Any, state: WorklistState, viewer: Viewer) -> str:
    reads = viewer.is_reader and state != WorklistState.WITHDRAWN
    return reverse("review:case" if reads else "cases:case", args=[case.pk])


def _result(case: Any, viewer: Viewer) -> tuple[ResultCell | None, str]:
    latest = latest_prediction(case)
    if cell := failed_cell(latest):
        return cell, ""
    if latest is None:
        return None, _("not run")
    if case.pk in viewer.shown_results:
        return result_cell(latest), ""
    if viewer.is_reader:
        return None, _("hidden until read") if case.pk in viewer.withheld else _("on the case page")
    return stopped_cell(latest), _("hidden until final")


def _finding(case: Any, facts: CaseFacts, viewer: Viewer) -> Cell:
    if case.finalized_at is not None:
        consensus = getattr(case, "consensus", None)
        return Cell(finding_label(consensus.finding) if consensus else "")
    if case.pk not in facts.imported:
        return Cell("")
    if viewer.is_reader and case.pk in viewer.withheld:
        return Cell("", _("hidden until read"))
    return Cell(finding_label(facts.imported[case.pk]), _("imported"))


def _reader(case: Any, facts: CaseFacts) -> Cell:
    if case.finalized_at is not None:
        return Cell(", ".join(facts.readers.get(case.pk, [])))
    if case.reader:
        return Cell(case.reader)
    assignment = getattr(case, "assignment", None)
    return Cell(assignment.to.username, _("assigned")) if assignment else Cell("")
