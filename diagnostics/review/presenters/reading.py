"""The reading page as values for its templates, before and after the reader's signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.presenters.banner import Banner, study_date
from diagnostics.cases.presenters.prediction import prediction_summary
from diagnostics.cases.presenters.quality import stopped_of
from diagnostics.errors import DomainError
from diagnostics.jobs.models import JobStatus
from diagnostics.review.errors import ClaimedByAnother
from diagnostics.review.models import Claim, Consensus, ConsensusStatus, Reading, ReadingKind
from diagnostics.review.presenters.status import StatusLabel, consensus_label
from diagnostics.review.presenters.worklist import count_text
from diagnostics.review.selectors.list_counts import DayProgress


@dataclass(frozen=True)
class Notice:
    """Why the page shows no form, and what it offers instead."""

    text: str
    offers_claim: bool = False
    offers_next: bool = False
    offers_case_page: bool = False


@dataclass(frozen=True)
class Outcome:
    """The consensus of a case as its reader sees it after signing."""

    label: StatusLabel
    finding: str
    offers_second_opinion: bool


def case_context(case: Case, banner: Banner, priors: Sequence[Case], prior: Case | None) -> dict[str, Any]:
    """Return the banner and the viewer of the page; nothing about the AI result."""
    number, identity = case_presenters.short_number(case), banner.identity
    return {
        "case": case,
        "number": number,
        "banner": banner,
        "radiograph_url": reverse("cases:radiograph", args=[case.pk]),
        "pixels_url": reverse("cases:pixels", args=[case.pk]),
        "label": _("Radiograph of case %(number)s") % {"number": number},
        "linked": case.pk,
        "top_left": f"{identity.reference} {identity.sex_and_age}".strip(),
        "top_right": f"{study_date(case)} {banner.view}".strip(),
        "bottom_right": "",
        "heatmaps": None,
        "priors": priors,
        "prior": prior,
        "prior_viewer": _prior_viewer(prior) if prior else None,
        "prior_query": "?" if prior or not priors else prior_query(priors[0]),
        "older_prior_query": _older_prior_query(priors, prior),
    }


def selected_prior(priors: Sequence[Case], selected: str) -> Case | None:
    """Return the prior that the URL names; None for any other case."""
    return next((each for each in priors if str(each.pk) == selected), None)


def prior_query(prior: Case) -> str:
    """Return the query string that opens a prior beside the radiograph."""
    return f"?prior={prior.pk}"


def unsigned_context(
    claim: Claim | None, *, progress: DayProgress, opinions: Sequence[Reading], now: datetime
) -> dict[str, Any]:
    """Return the reader's own claim, the progress of the day and the readings to adjudicate."""
    return {
        "claim": claim,
        "opinions": opinions,
        "seconds_left": int((claim.until - now).total_seconds()) if claim else 0,
        "progress_text": _progress_text(progress, is_adjudication=bool(opinions)),
    }


def notice(obstacle: DomainError | None, *, needs_adjudication: bool) -> Notice:
    """Return what the page says without a claim; `obstacle` is why the case cannot be claimed."""
    if obstacle:
        is_claimed = isinstance(obstacle, ClaimedByAnother)
        return Notice(str(obstacle), offers_next=True, offers_case_page=not is_claimed)
    if needs_adjudication:
        return Notice(_("The readings disagree. Claim the case to adjudicate it."), offers_claim=True)
    return Notice(_("No reader has claimed this case. Claim it to read it."), offers_claim=True)


def withdrawn_notice(case: Case) -> Notice | None:
    """Return what the page says in place of what a reader may do after signing; None unless withdrawn."""
    if case.withdrawn_at is None:
        return None
    text = _("This case has been withdrawn: its readings stay as they are.")
    return Notice(text, offers_next=True, offers_case_page=True)


def signed_context(
    reading: Reading, *, done: Prediction | None, latest: Prediction | None, progress: DayProgress
) -> dict[str, Any]:
    """Return the reader's own reading and the AI result beside it."""
    summary = prediction_summary(done) if done else None
    return {
        "reading": reading,
        "prediction": summary,
        "prediction_notice": "" if done else prediction_notice(latest),
        "bottom_right": summary.caption if summary else "",
        "heatmaps": summary.heatmaps if summary else None,
        "side": "yes",
        "progress_text": _("%(n)s signed today") % {"n": progress.signed},
    }


def prediction_notice(latest: Prediction | None) -> str:
    """Return why a case has no AI result."""
    stopped = stopped_of(latest) if latest and latest.status == JobStatus.DONE else None
    if stopped:
        return f"{stopped.heading}. {stopped.text}"
    if latest is None:
        return _("This radiograph has not been classified.")
    if latest.status == JobStatus.FAILED:
        return _("The classification of this radiograph has failed.")
    return _("There is no AI result yet. Reload this page in a moment.")


def outcome(consensus: Consensus, reading: Reading) -> Outcome:
    """Return the consensus of a case and whether its reader may request a second opinion."""
    is_final = consensus.status == ConsensusStatus.FINAL
    return Outcome(
        label=consensus_label(consensus),
        finding=str(consensus.get_finding_display()) if is_final else "",
        offers_second_opinion=is_final and reading.kind != ReadingKind.ADJUDICATION,
    )


def undo_text(reading: Reading) -> str:
    """Return the text of the offer to undo a signature."""
    number = reading.case.accession_number or _("without a number")
    return _("Signed: %(finding)s, %(number)s") % {
        "finding": reading.get_finding_display(),
        "number": number,
    }


def _progress_text(progress: DayProgress, *, is_adjudication: bool) -> str:
    if is_adjudication:
        return _("adjudication")
    numbers = {"number": progress.number, "total": count_text(progress.total)}
    return _("case %(number)s of %(total)s today") % numbers


def _older_prior_query(priors: Sequence[Case], prior: Case | None) -> str:
    """Return the query string of the study before the shown one; empty if there is none."""
    if prior is None:
        return ""
    older = priors[priors.index(prior) + 1 :]
    return prior_query(older[0]) if older else ""


def _prior_viewer(prior: Case) -> dict[str, str]:
    return {
        "label": _("Prior radiograph %(number)s") % {"number": prior.accession_number},
        "radiograph_url": reverse("cases:radiograph", args=[prior.pk]),
        "pixels_url": reverse("cases:pixels", args=[prior.pk]),
        "date": f"{study_date(prior)} {case_presenters.view_label(prior.radiograph)}".strip(),
    }
