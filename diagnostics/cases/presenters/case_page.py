"""Values and text of the case page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.cases.models import PcrResult, Prediction, Radiograph
from diagnostics.cases.presenters.job import JobSummary
from diagnostics.cases.presenters.prediction import PredictionSummary
from diagnostics.cases.presenters.quality import Stopped
from diagnostics.cases.selectors.outcome import CaseOutcome
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion


@dataclass(frozen=True)
class Status:
    """A job status with the text beside its icon."""

    name: str
    text: str


@dataclass(frozen=True)
class CaseHeader:
    """The status of the AI result at the top of the case page."""

    status: Status | None
    version: str  # of the prediction shown; empty without one
    version_note: str


@dataclass(frozen=True)
class Notice:
    """Why no AI result is shown."""

    heading: str
    text: str


@dataclass(frozen=True)
class FindingPanel:
    """What readers or the import say of a case, above the AI result."""

    heading: str
    finding: str  # empty where there is none yet, or it is withheld
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class Button:
    """A button's text and CSS class."""

    text: str
    css_class: str


@dataclass(frozen=True)
class PcrPanel:
    """The newest RT-PCR result as text."""

    result: str
    sample: str  # empty without a sample date
    by: str
    entered_at: datetime


def case_header(
    job: JobSummary | None, prediction: PredictionSummary | None, active: ModelVersion | None
) -> CaseHeader:
    """Return the status of the AI result."""
    return CaseHeader(
        status=_status(job, prediction),
        version=prediction.version if prediction else "",
        version_note=_version_note(prediction, active) if prediction else "",
    )


def ai_notice(
    job: JobSummary | None,
    prediction: PredictionSummary | None,
    *,
    blind: bool,
    stopped: Stopped | None = None,
) -> Notice | None:
    """Return why the page shows no AI result; None where it shows one or the job is open or failed.

    The code of the quality gate says nothing of the finding, so it is shown before the reading too.
    """
    if stopped:
        return Notice(stopped.heading, stopped.text)
    if prediction:
        return None
    if job is None:
        return Notice(_("No AI result"), _("AI has not been run on this radiograph."))
    if blind and job.status == JobStatus.DONE:
        text = _("To avoid automation bias, the AI result is shown after the radiograph has been read.")
        return Notice(_("AI result withheld"), text)
    return None


def finding_panel(outcome: CaseOutcome, *, may_read_blind: bool, shows_findings: bool) -> FindingPanel:
    """Return the final finding, the status of the readings, or the imported finding.

    A reader who may still read the case blind sees none of them; `shows_findings` is the site's rule.
    """
    if may_read_blind:
        text = _("Findings are shown after you have signed your own reading.")
        return FindingPanel(_("Finding"), "", text)
    if outcome.imported:
        collection = _("from the collection %(name)s") % {"name": outcome.collection}
        return FindingPanel(_("Imported finding"), outcome.imported, collection, outcome.imported_at)
    if outcome.final:
        return FindingPanel(_("Final finding"), outcome.final, outcome.readers, outcome.signed_at)
    if outcome.status and not shows_findings:
        return FindingPanel(outcome.status, "", _("Findings are shown once the case is final."))
    return FindingPanel(_("Finding"), "", outcome.status or _("Not read yet."))


def readings_notice(*, may_read_blind: bool, shows_findings: bool) -> str:
    """Return why the page does not list the readings; empty where it does."""
    if may_read_blind:
        return _("Readings by others are shown after you have signed your own.")
    return "" if shows_findings else _("Readings are shown once the case is final.")


def retry_button(latest: Prediction | None, active: ModelVersion | None) -> Button:
    """Return the button that runs AI on the case."""
    if latest is None:
        return Button(_("Run AI (%(version)s)") % {"version": active}, "btn-outline-secondary")
    if latest.status == JobStatus.FAILED:
        return Button(_("Run AI again"), "btn-primary")
    return Button(_("Run AI again with %(version)s") % {"version": active}, "btn-outline-secondary")


def read_button(*, blind: bool) -> Button:
    """Return the link to the reading page."""
    if blind:
        return Button(_("Read case"), "btn-primary")
    return Button(_("Open reading page"), "btn-outline-secondary")


def technical_facts(radiograph: Radiograph, prediction: PredictionSummary | None) -> list[str]:
    """Return attempts, format, size and bit depth as text."""
    retried = prediction is not None and prediction.attempts > 1
    attempts = prediction.attempts if prediction else 0
    facts = [ngettext("%(n)d attempt", "%(n)d attempts", attempts) % {"n": attempts}] if retried else []
    size = f"{radiograph.source_format} {radiograph.width} x {radiograph.height}"
    return [*facts, _("%(size)s, %(bits)s bits") % {"size": size, "bits": radiograph.bits}]


def pcr_panel(result: PcrResult | None) -> PcrPanel | None:
    """Return the newest RT-PCR result as text; None without one."""
    if result is None:
        return None
    sample = _("sample of %(day)s") % {"day": result.taken_on.isoformat()} if result.taken_on else ""
    return PcrPanel(str(result.get_result_display()), sample, result.by.username, result.entered_at)


def _status(job: JobSummary | None, prediction: PredictionSummary | None) -> Status | None:
    if prediction and not (job and job.is_open):
        seconds = f"{prediction.total_seconds:.1f}"
        return Status(JobStatus.DONE.value, _("Done in %(seconds)s s") % {"seconds": seconds})
    return Status(job.status, str(JobStatus(job.status).label)) if job else None


def _version_note(prediction: PredictionSummary, active: ModelVersion | None) -> str:
    is_active = active is not None and active.pk == prediction.version_id
    return _("active version") if is_active else _("no longer active")
