"""Errors of the watched folder."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from diagnostics.errors import DomainError


class FolderInUse(Exception):
    """Another process watches the folder."""


class InvalidFields(DomainError):
    """The file beside a radiograph is no JSON object of known fields."""

    code = "fields_invalid"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The file beside the radiograph must be a JSON object with texts for patient_ref, "
                "accession_number, view or priority."
            )
        )
