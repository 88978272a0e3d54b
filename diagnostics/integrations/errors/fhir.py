"""Errors of FHIR searches."""

from __future__ import annotations

from diagnostics.errors import DomainError


class InvalidSearch(DomainError):
    """A FHIR search with an unknown or unusable parameter."""

    code = "invalid"
