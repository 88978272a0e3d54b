"""Rows of the check table: what a file says, what is wrong, and how far its AI result is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.identity import MISMATCHES, Contradiction
from diagnostics.cases.models import Prediction, QualityCode, View
from diagnostics.cases.presenters.quality import stopped_of
from diagnostics.cases.selectors import latest_prediction
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.jobs.storage_wait import is_waiting
from diagnostics.uploads import identity
from diagnostics.uploads.models import StagedStatus, StagedUpload
from diagnostics.uploads.policy import DUPLICATE

# What the page counts and offers for a row.
RowState = Literal["received", "ready", "blocked", "refused", "open", "finished"]
FIELD_NAMES: Final[dict[str, Promise]] = {
    "patient_ref": gettext_lazy("Patient"),
    "accession_number": gettext_lazy("Accession number"),
    "view": gettext_lazy("View"),
    "birth_date": gettext_lazy("Birth date"),
    "study_date": gettext_lazy("Study date"),
}
DATE_AND_TIME: Final = "Y-m-d H:i"


@dataclass(frozen=True)
class Note:
    """A sentence with its tone and icon."""

    text: str
    tone: str  # stat, warn, good, info, or empty
    icon: str
    code: str = ""


@dataclass(frozen=True)
class Progress:
    """What changes after sending: the state, its sentence, and the address of the case."""

    id: str
    state: RowState
    note: Note
    url: str = ""


@dataclass(frozen=True)
class Row:
    """One row of the check table."""

    id: str
    name: str
    size: int
    state: RowState
    note: Note
    url: str
    thumbnail: str  # address; empty where there is none
    person: str  # name, birth date and sex of the file
    study: str  # date and time of the file
    fields: dict[str, str]  # of the case, from the file or typed
    mismatch: dict[str, str]  # the fields of the file that contradict, while a user must choose


def row_of(upload: StagedUpload) -> Row:
    """Return the row of an upload; its case needs prefetched predictions."""
    progress, said = progress_of(upload), identity.stored_header(upload)
    return Row(
        id=progress.id,
        name=upload.name,
        size=upload.size,
        state=progress.state,
        note=progress.note,
        url=progress.url,
        thumbnail=reverse("uploads:thumbnail", args=[upload.pk]) if upload.header else "",
        person=" ".join(filter(None, (said.patient_name, said.birth_date, said.sex))),
        study=_date_and_time(said.study_at),
        fields=identity.typed_values(upload),
        mismatch={one.field: one.file for one in _contradictions(upload)},
    )


def progress_of(upload: StagedUpload) -> Progress:
    """Return how far an upload is."""
    case = upload.case
    if case is None:
        return Progress(str(upload.pk), _state_before(upload), _note_before(upload))
    latest = latest_prediction(case)
    is_open = latest is not None and latest.status in OPEN_STATUSES
    state: RowState = "open" if is_open else "finished"
    note = _note_after(latest, is_duplicate=not upload.opened_case)
    return Progress(str(upload.pk), state, note, reverse("cases:case", args=[case.pk]))


def _contradictions(upload: StagedUpload) -> tuple[Contradiction, ...]:
    return identity.contradictions_of(upload) if upload.status == StagedStatus.CHECKED else ()


def _state_before(upload: StagedUpload) -> RowState:
    if upload.status == StagedStatus.RECEIVED:
        return "received"
    if upload.status == StagedStatus.REFUSED:
        return "refused"
    has_problem = upload.problem_code not in ("", DUPLICATE)
    return "blocked" if has_problem or _contradictions(upload) else "ready"


def _note_before(upload: StagedUpload) -> Note:
    if upload.status == StagedStatus.RECEIVED:
        return Note(_("Checking"), "", "running")
    if upload.status == StagedStatus.REFUSED:
        return Note(upload.problem, "stat", "failed", upload.problem_code)
    contradicting = _contradictions(upload)
    if contradicting:
        return _mismatch_note(contradicting)
    if upload.problem:
        return Note(upload.problem, "warn", "warn", upload.problem_code)
    code = QualityCode.LATERAL_VIEW if upload.view == View.LATERAL else upload.quality_code
    if code:
        text = _("Will have no AI result: %(kind)s") % {"kind": QualityCode(code).label}
        return Note(text, "warn", "warn", code)
    return Note(_("Checked"), "good", "done")


def _mismatch_note(contradicting: tuple[Contradiction, ...]) -> Note:
    one_field = _("%(field)s: typed %(typed)s, the file says %(file)s")
    texts = [
        one_field % {"field": FIELD_NAMES[each.field], "typed": each.form, "file": each.file}
        for each in contradicting
    ]
    return Note("; ".join(texts), "warn", "warn", MISMATCHES[contradicting[0].field][0])


def _note_after(latest: Prediction | None, *, is_duplicate: bool) -> Note:
    note = _prediction_note(latest)
    if is_duplicate:
        return Note(_("Duplicate: it already had a case. %(status)s") % {"status": note.text}, "info", "info")
    return note


def _prediction_note(latest: Prediction | None) -> Note:
    stopped = stopped_of(latest)
    if latest is None:
        return Note(_("Sent"), "good", "done")
    if stopped:
        return Note(stopped.heading, "warn", "warn", stopped.code)
    if is_waiting(latest):
        return Note(_("Sent; storage full: the AI result is computed later"), "warn", "warn")
    return {
        JobStatus.QUEUED: Note(_("Sent, AI result queued"), "", "queued"),
        JobStatus.RUNNING: Note(_("Sent, AI result running"), "", "running"),
        JobStatus.DONE: Note(_("AI result ready"), "good", "done"),
        JobStatus.FAILED: Note(_("Sent; no AI result: the computation failed"), "stat", "failed"),
    }[JobStatus(latest.status)]


def _date_and_time(study_at: str) -> str:
    """Return the time of a study; one without an offset is local to the hospital and shown as it is."""
    parsed = parse_datetime(study_at) if study_at else None
    if parsed is None:
        return ""
    return date_format(localtime(parsed) if parsed.tzinfo else parsed, DATE_AND_TIME)
