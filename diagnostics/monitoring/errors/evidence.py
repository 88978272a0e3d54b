"""Errors of evidence packs."""

from __future__ import annotations

from diagnostics.errors import DomainError


class ResultWithheld(DomainError):
    """The user may not see the AI result of the case yet."""

    code = "result_withheld"
    status = 403
