"""The AI result of a case in one cell of the list of cases."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from diagnostics.cases.models import Prediction
from diagnostics.cases.presenters.prediction import gate_mark, leading_score
from diagnostics.cases.presenters.quality import Stopped, stopped_of
from diagnostics.cases.presenters.uncertainty import uncertainty_of
from diagnostics.jobs.models import JobStatus


@dataclass(frozen=True)
class ResultCell:
    """The AI result of a case in one table cell."""

    text: str
    detail: str
    title: str
    is_warning: bool


def result_cell(latest: Prediction | None) -> ResultCell | None:
    """Return the cell of the newest prediction; None before it is finished, and where there is none."""
    if latest is None or latest.status != JobStatus.DONE:
        return None
    stopped = stopped_of(latest)
    return _stopped_cell(stopped) if stopped else _result_cell(latest)


def stopped_cell(latest: Prediction | None) -> ResultCell | None:
    """Return the cell of a prediction that the quality gate has stopped: it tells of no score."""
    stopped = stopped_of(latest) if latest and latest.status == JobStatus.DONE else None
    return _stopped_cell(stopped) if stopped else None


def failed_cell(latest: Prediction | None) -> ResultCell | None:
    """Return the cell of a failed prediction."""
    if latest is None or latest.status != JobStatus.FAILED:
        return None
    return ResultCell(_("AI failed"), "", latest.failure_text, is_warning=True)


def _stopped_cell(stopped: Stopped) -> ResultCell:
    return ResultCell(stopped.heading, "", stopped.text, is_warning=True)


def _result_cell(done: Prediction) -> ResultCell:
    top, uncertainty = leading_score(done), uncertainty_of(done)
    if uncertainty.short_label:
        score = f"{top.label} {top.text}"
        return ResultCell(uncertainty.short_label, score, uncertainty.headline, is_warning=True)
    mark = gate_mark(done)
    return ResultCell(top.label, top.text, mark, is_warning=bool(mark))
