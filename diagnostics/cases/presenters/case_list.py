"""Rows, columns and filters of the list of cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.presenters.case import PriorityLabel
from diagnostics.cases.presenters.prediction import gate_mark, score_of
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


@dataclass(frozen=True)
class CaseRow:
    """One row of the list of cases."""

    case: Case
    number: str
    patient: str
    priority: PriorityLabel
    sex_and_age: str
    view: str
    status: str
    status_label: str
    result: ResultCell | None
    css_class: str


@dataclass(frozen=True)
class FilterChip:
    """One value of a filter: its link sets the filter, or clears it where it is current."""

    label: str
    url: str
    title: str
    is_current: bool


@dataclass(frozen=True)
class SortLinks:
    """The links of the sortable column heads."""

    priority: str
    accession: str
    opened: str


def case_row(case: Case, latest: Prediction | None, *, withheld: bool = False) -> CaseRow:
    """Return the row of a case, without its AI result where that is withheld."""
    done = latest if latest and latest.status == JobStatus.DONE else None
    stopped = stopped_of(done)
    priority = case_presenters.priority_label(case)
    return CaseRow(
        case=case,
        number=case_presenters.short_number(case),
        patient=case_presenters.masked_reference(case.patient_ref),
        priority=priority,
        sex_and_age=case_presenters.sex_and_age(case.radiograph),
        view=case_presenters.view_label(case.radiograph),
        status=latest.status if latest else "",
        status_label=str(latest.get_status_display()) if latest else "",
        result=_stopped_cell(stopped) if stopped else _result_cell(done) if done and not withheld else None,
        css_class="rr-row-stat" if priority.icon else "",
    )


def filter_chips(
    params: QueryDict, name: str, choices: Iterable[tuple[Any, Any]], current: str
) -> list[FilterChip]:
    """Return the chips of one filter of the URL."""
    return [
        FilterChip(
            label=str(label),
            url=_url_with(params, name, "" if value == current else value),
            title=_("Clear this filter") if value == current else "",
            is_current=value == current,
        )
        for value, label in choices
    ]


def sort_links(params: QueryDict, current: str) -> SortLinks:
    """Return the links of the column heads; a second click on a column reverses its order."""
    by_accession = "-accession_number" if current == "accession_number" else "accession_number"
    by_opened = "opened_at" if current in ("", "-opened_at") else ""
    return SortLinks(
        priority=_url_with(params, "sort", "priority"),
        accession=_url_with(params, "sort", by_accession),
        opened=_url_with(params, "sort", by_opened),
    )


def _url_with(params: QueryDict, name: str, value: str) -> str:
    """Return the query string with one parameter set, or removed for an empty value; without the page."""
    changed = params.copy()
    for key in (name, "page"):
        changed.pop(key, None)
    if value:
        changed[name] = value
    return f"?{changed.urlencode()}"


def _stopped_cell(stopped: Stopped) -> ResultCell:
    return ResultCell(stopped.heading, "", stopped.text, is_warning=True)


def _result_cell(done: Prediction) -> ResultCell:
    top, uncertainty = score_of(done, done.finding), uncertainty_of(done)
    if uncertainty.short_label:
        score = f"{top.label} {top.text}"
        return ResultCell(uncertainty.short_label, score, uncertainty.headline, is_warning=True)
    mark = gate_mark(done)
    return ResultCell(top.label, top.text, mark, is_warning=bool(mark))
