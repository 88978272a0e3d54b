"""Text that names and describes a case: number, masked patient reference, priority, sex and age, view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from diagnostics.cases.models import Case, Priority, Radiograph
from diagnostics.patients.presenters import patient_line

PRIORITY_STYLES: Final[Mapping[str, tuple[str, str]]] = {  # CSS class and icon
    Priority.STAT: ("rr-priority-stat", "stat"),
    Priority.URGENT: ("rr-priority-urgent", ""),
    Priority.ROUTINE: ("rr-quiet", ""),
}


@dataclass(frozen=True)
class PriorityLabel:
    """The priority of a case as text, icon and CSS class."""

    text: str
    icon: str  # empty without one
    css_class: str


def short_number(case: Case) -> str:
    """Return the accession number of a case, or the first characters of its id without one."""
    return case.accession_number or str(case.pk)[:8]


def patient_text(case: Case) -> str:
    """Return the patient reference of a case as the site shows it in lists."""
    return patient_line(case.site, None, case.patient_ref).reference


def priority_label(case: Case) -> PriorityLabel:
    """Return the label of a case's priority."""
    css_class, icon = PRIORITY_STYLES[case.priority]
    return PriorityLabel(str(case.get_priority_display()), icon, css_class)


def sex_and_age(radiograph: Radiograph) -> str:
    """Return sex and age as in "F 63"; empty where the file has neither."""
    age = "" if radiograph.age is None else str(radiograph.age)
    return f"{radiograph.sex} {age}".strip()


def view_label(radiograph: Radiograph) -> str:
    """Return the projection; empty where it is unknown."""
    return str(radiograph.get_view_display()) if radiograph.view else ""
