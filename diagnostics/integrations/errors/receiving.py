"""Errors of received instances."""

from __future__ import annotations

from diagnostics.errors import DomainError


class NotDicom(DomainError):
    """The received file is not a DICOM file."""

    code = "not_dicom"


class InstanceReused(DomainError):
    """A SOP instance UID names another radiograph already."""

    code = "sop_instance_reused"
    status = 409
