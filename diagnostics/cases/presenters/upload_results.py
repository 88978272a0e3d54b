"""The result of each uploaded file: accepted, duplicate, conflict or refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.forms.utils import ErrorDict
from django.urls import reverse
from django.utils.translation import gettext as _

from diagnostics.cases.errors import RadiographOfAnotherPatient
from diagnostics.cases.models import Case

UploadStatus = Literal["accepted", "duplicate", "conflict", "refused"]
ICONS: dict[UploadStatus, str] = {
    "accepted": "done",
    "duplicate": "info",
    "conflict": "warn",
    "refused": "failed",
}
TONES: dict[UploadStatus, str] = {
    "accepted": "good",
    "duplicate": "info",
    "conflict": "warn",
    "refused": "stat",
}


@dataclass(frozen=True)
class UploadResult:
    """The result of one file. The file's name is shown to the sender and stored nowhere."""

    file: str
    status: UploadStatus
    message: str
    code: str = ""
    url: str = ""

    @property
    def icon(self) -> str:
        """Return the name of the status icon."""
        return ICONS[self.status]

    @property
    def tone(self) -> str:
        """Return the colour of the status icon."""
        return TONES[self.status]


def accepted(file: str, case: Case, *, created: bool) -> UploadResult:
    """Return the result of a radiograph with its new or existing case."""
    url = reverse("cases:case", args=[case.pk])
    if created:
        return UploadResult(file, "accepted", _("Accepted."), url=url)
    message = _("Duplicate: this radiograph already has a case. Nothing was stored.")
    return UploadResult(file, "duplicate", message, url=url)


def refused(file: str, code: str, message: str) -> UploadResult:
    """Return the result of a refused radiograph."""
    status: UploadStatus = "conflict" if code == RadiographOfAnotherPatient.code else "refused"
    return UploadResult(file, status, message, code=code)


def invalid_form(errors: ErrorDict) -> UploadResult:
    """Return the result of an upload with invalid fields."""
    message = " ".join(str(error) for field in errors.values() for error in field)
    return UploadResult("", "refused", message, code="incomplete")
