"""Why a claim or a signature is refused."""

from __future__ import annotations

from http import HTTPStatus

from diagnostics.errors import DomainError


class ClaimedByAnother(DomainError):
    """Another reader holds the case now."""

    code = "held_by_another"
    status = HTTPStatus.CONFLICT


class ClaimExpired(ClaimedByAnother):
    """The reader's time ran out and somebody else took the case."""

    code = "lease_ended"


class AlreadySigned(DomainError):
    """The reader has signed this case before."""

    code = "already_signed"
    status = HTTPStatus.CONFLICT


class AlreadySuperseded(DomainError):
    """The reading was amended meanwhile."""

    code = "already_superseded"
    status = HTTPStatus.CONFLICT


class ReasonRequired(DomainError):
    """An amendment without a reason."""

    code = "reason_missing"


class UnknownFinding(DomainError):
    """A finding or a confidence that is not on the list."""

    code = "unknown_answer"


class CaseFinal(DomainError):
    """The case has all the readings it needs."""

    code = "settled"
    status = HTTPStatus.CONFLICT


class CaseNotFinal(DomainError):
    """The case waits for a reader already."""

    code = "not_settled"
    status = HTTPStatus.CONFLICT


class PredictionSeen(DomainError):
    """The reader has seen the machine's answer, so a reading now would not be blind."""

    code = "answer_seen"
    status = HTTPStatus.CONFLICT


class UnknownReader(DomainError):
    """Nobody of this name reads radiographs where the case belongs."""

    code = "no_such_reader"


class TooManyViews(DomainError):
    """Somebody has kept as many views as there is room for."""

    code = "too_many_views"


class FirstReadingRequired(DomainError):
    """Others' readings stay closed until the reader has signed."""

    code = "read_first"
    status = HTTPStatus.CONFLICT


class AssistedReadingPending(DomainError):
    """A patient waits for the reading of this radiograph."""

    code = "still_waiting"
    status = HTTPStatus.CONFLICT


class UndoExpired(DomainError):
    """A signature stands: its moment is over, or something has been seen since."""

    code = "not_taken_back"
    status = HTTPStatus.CONFLICT
