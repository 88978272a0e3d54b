"""Errors of claims, readings and the worklist; users may read their messages."""

from __future__ import annotations

from http import HTTPStatus

from diagnostics.errors import DomainError


class ClaimedByAnother(DomainError):
    """Another reader holds the claim on the case."""

    code = "claimed_by_another"
    status = HTTPStatus.CONFLICT


class ClaimExpired(ClaimedByAnother):
    """The reader's claim has expired and another reader has claimed the case."""

    code = "claim_expired"


class AlreadySigned(DomainError):
    """The reader has signed a reading of this case before."""

    code = "already_signed"
    status = HTTPStatus.CONFLICT


class AlreadySuperseded(DomainError):
    """A newer amendment has superseded the reading."""

    code = "already_superseded"
    status = HTTPStatus.CONFLICT


class ReadingWithdrawn(DomainError):
    """The signature of the reading has been undone."""

    code = "reading_withdrawn"
    status = HTTPStatus.CONFLICT


class ReasonRequired(DomainError):
    """The amendment has no reason."""

    code = "reason_required"


class UnknownFinding(DomainError):
    """The finding or the confidence is not one of the allowed values."""

    code = "unknown_finding"


class UnknownNote(DomainError):
    """The structured note has a field or a value that the template of its finding does not have."""

    code = "unknown_note"


class CaseFinal(DomainError):
    """The case has all the readings that it needs."""

    code = "case_final"
    status = HTTPStatus.CONFLICT


class CaseNotFinal(DomainError):
    """The case still needs a reading."""

    code = "case_not_final"
    status = HTTPStatus.CONFLICT


class PredictionSeen(DomainError):
    """The reader has seen the AI result, so a reading would not be blind."""

    code = "prediction_seen"
    status = HTTPStatus.CONFLICT


class UnknownReader(DomainError):
    """The user does not read radiographs at the site of the case."""

    code = "unknown_reader"


class ReaderNotBlind(DomainError):
    """The assigned reader has read the case or seen its AI result, so could not read it."""

    code = "reader_not_blind"
    status = HTTPStatus.CONFLICT


class TooManyViews(DomainError):
    """The user has saved the maximum number of views."""

    code = "too_many_views"


class FirstReadingRequired(DomainError):
    """The reader has to sign a reading before this."""

    code = "first_reading_required"
    status = HTTPStatus.CONFLICT


class CaseNotRead(DomainError):
    """The case is on the worklist and not final, so its reference standard cannot be set."""

    code = "case_not_read"
    status = HTTPStatus.CONFLICT


class CannotUndo(DomainError):
    """The signature is too old to undo, or the reader or a colleague has gone on since."""

    code = "cannot_undo"
    status = HTTPStatus.CONFLICT


class NoReport(DomainError):
    """The case has no report: it is withdrawn, or its reading is not final."""

    code = "no_report"
    status = HTTPStatus.CONFLICT
