"""Errors of export, erasure and retention; users may read their messages."""

from __future__ import annotations

from http import HTTPStatus

from diagnostics.errors import DomainError


class UnknownPatient(DomainError):
    """The site has no case of this patient."""

    code = "unknown_patient"
    status = HTTPStatus.NOT_FOUND


class TrainingIsOpen(DomainError):
    """A queued or running training run may use the patient's radiographs."""

    code = "training_is_open"
    status = HTTPStatus.CONFLICT


class InvalidRetention(DomainError):
    """A retention period is not a number of whole years."""

    code = "invalid_retention"
