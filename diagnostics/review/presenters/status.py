"""Labels of worklist states and consensus statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

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
    WorklistState.IMPORTED: "imported",
    WorklistState.WITHDRAWN: "withdrawn",
}
CONSENSUS_STATES: Final = {
    ConsensusStatus.SECOND_READ: WorklistState.SECOND_READ,
    ConsensusStatus.NEEDS_ADJUDICATION: WorklistState.NEEDS_ADJUDICATION,
    ConsensusStatus.FINAL: WorklistState.FINAL,
}


@dataclass(frozen=True)
class StatusLabel:
    """A status as the name of its icon and colour, and its text."""

    status: str
    text: str
    detail: str = ""  # shown in a quieter tone


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
