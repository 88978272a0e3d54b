"""Errors of the audit log."""

from __future__ import annotations

from diagnostics.errors import DomainError


class BrokenChain(DomainError):
    """The hash chain does not verify."""

    code = "audit_chain_broken"
    status = 409
