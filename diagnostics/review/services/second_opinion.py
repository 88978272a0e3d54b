"""Second opinions: one more reading of a final case, without its AI result and its findings."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.review.errors import CaseFinal, CaseNotFinal, FirstReadingRequired
from diagnostics.review.models import Consensus, ConsensusStatus, ReadingKind
from diagnostics.review.selectors import readings
from diagnostics.review.services import permissions
from diagnostics.review.services.consensus import update_consensus
from diagnostics.review.services.locks import lock_case


@transaction.atomic
def request_second_opinion(*, case: Case, by: User, now: datetime) -> Consensus:
    """Require one more reading of a final case, requested by one of its readers.

    Raises FirstReadingRequired, CaseNotFinal, or CaseFinal after an adjudication.
    """
    permissions.require_readable(case, by)
    case = lock_case(case)
    require_not_withdrawn(case)
    if readings.own_reading(case, by) is None:
        raise FirstReadingRequired(_("Please sign your own reading first."))
    consensus = Consensus.objects.get(case=case)
    if consensus.status != ConsensusStatus.FINAL:
        raise CaseNotFinal(_("This case already needs another reading."))
    if readings.readings_of(case).filter(kind=ReadingKind.ADJUDICATION).exists():
        raise CaseFinal(_("This case has been adjudicated."))
    consensus.readers_needed += 1
    consensus.second_opinion_at = consensus.second_opinion_at or now
    consensus.save(update_fields=["readers_needed", "second_opinion_at"])
    audit.record(action=Action.SECOND_OPINION_REQUESTED, by=by, target=case, now=now)
    return update_consensus(case, now)
