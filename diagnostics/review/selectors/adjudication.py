"""Adjudication: which cases need it, and which of them a reader may adjudicate.

A case needs adjudication while its readings disagree and none of them is an adjudication. Any reader of the
site may adjudicate it who has not read it, has not seen its AI result, and is not excluded by an assignment
or by another reader's claim.
"""

from __future__ import annotations

from datetime import datetime

from diagnostics.accounts.models import User
from diagnostics.cases.models import OPEN, Case
from diagnostics.cases.selectors.lists import Selected, ordered, selected_by
from diagnostics.keyset import OrderedRows
from diagnostics.review.models import Consensus, ConsensusStatus, Reading
from diagnostics.review.selectors import queues
from diagnostics.review.selectors.readings import readings_of
from diagnostics.review.worklist_query import DUE_FIRST, STAT_FIRST


def adjudication_cases(user: User, now: datetime) -> OrderedRows:
    """Return the cases that this reader may adjudicate, by due time, STAT first."""
    open_to = OPEN & ~queues.closed_to(user) & ~queues.claimed_by_others(user, now)
    selected = Selected(open_to) & selected_by(queues.needing_adjudication())
    return ordered(user, selected, DUE_FIRST, STAT_FIRST)


def needs_adjudication(case: Case) -> bool:
    """Return whether the readings of a case disagree, so that the next one is an adjudication."""
    return Consensus.objects.filter(case=case, status=ConsensusStatus.NEEDS_ADJUDICATION).exists()


def disagreeing_readings(case: Case) -> list[Reading]:
    """Return the current readings of a case in an order that is independent of reader and time."""
    return sorted(readings_of(case).filter(superseded_by=None), key=lambda reading: reading.pk.hex)
