"""Labels of priorities and statuses: icon, tone and text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.cases.models import Case, Priority
from diagnostics.review.models import Consensus, ConsensusStatus
from diagnostics.review.worklist_query import WorklistState

STATE_STYLES: Final[Mapping[str, str]] = {
    WorklistState.TO_READ: "to-read",
    WorklistState.READING: "reading",
    WorklistState.SECOND_READ: "second",
    WorklistState.NEEDS_ADJUDICATION: "disagree",
    WorklistState.RECEIVED: "queued",
    WorklistState.PROCESSING: "running",
    WorklistState.FAILED: "failed",
    WorklistState.FINAL: "final",
}
CONSENSUS_STATES: Final = {
    ConsensusStatus.SECOND_READ: WorklistState.SECOND_READ,
    ConsensusStatus.NEEDS_ADJUDICATION: WorklistState.NEEDS_ADJUDICATION,
    ConsensusStatus.FINAL: WorklistState.FINAL,
}
PRIORITY_STYLES: Final[Mapping[str, tuple[str, str]]] = {
    Priority.STAT: ("rr-tone-stat", "stat"),
    Priority.URGENT: ("urgent", ""),
    Priority.ROUTINE: ("rr-quiet", ""),
}


@dataclass(frozen=True)
class StatusLabel:
    """A status as the name of its icon and colour, and its text."""

    status: str
    text: str
    detail: str = ""  # shown in a quieter tone


@dataclass(frozen=True)
class PriorityLabel:
    """A priority as CSS class, icon (may be empty) and text."""

    css_class: str
    icon: str
    text: str


def priority_label(case: Case) -> PriorityLabel:
    """Return the label of a case's priority."""
    css_class, icon = PRIORITY_STYLES[case.priority]
    return PriorityLabel(css_class, icon, str(case.get_priority_display()))


def state_label(state: str, reader: str | None) -> StatusLabel:
    """Return the label of a worklist state; names the reader while the case is being read."""
    text = str(WorklistState(state).label)
    if state == WorklistState.READING:
        text = _("Being read by %(reader)s") % {"reader": reader}
    return StatusLabel(STATE_STYLES[state], text)


def consensus_label(consensus: Consensus) -> StatusLabel:
    """Return the label of a consensus status."""
    status = ConsensusStatus(consensus.status)
    detail = {
        ConsensusStatus.NEEDS_ADJUDICATION: _("A third reader will adjudicate."),
        ConsensusStatus.SECOND_READ: "",
        ConsensusStatus.FINAL: "",
    }[status]
    return StatusLabel(STATE_STYLES[CONSENSUS_STATES[status]], str(status.label), detail)
