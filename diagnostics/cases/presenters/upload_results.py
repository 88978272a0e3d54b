"""How each file of an upload ended: accepted, known already, or refused with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.forms.utils import ErrorDict
from django.urls import reverse
from django.utils.translation import gettext as _

from diagnostics.cases.errors import RadiographOfAnotherPatient
from diagnostics.cases.models import Case

UploadStatus = Literal["accepted", "duplicate", "conflict", "refused"]


@dataclass(frozen=True)
class UploadResult:
    """What became of one file; `file` is shown to the sender and kept nowhere."""

    file: str
    ending: UploadStatus
    words: str
    code: str = ""
    url: str = ""


def accepted(file: str, case: Case, *, created: bool) -> UploadResult:
    """Say that a radiograph has its case, a new one or the one it had before."""
    url = reverse("cases:case", args=[case.pk])
    if created:
        return UploadResult(file, "accepted", _("Accepted."), url=url)
    return UploadResult(
        file, "duplicate", _("This radiograph is here already; nothing was stored twice."), url=url
    )


def refused(file: str, code: str, words: str) -> UploadResult:
    """Say why a radiograph was not taken."""
    ending: UploadStatus = "conflict" if code == RadiographOfAnotherPatient.code else "refused"
    return UploadResult(file, ending, words, code=code)


def invalid_form(errors: ErrorDict) -> UploadResult:
    """Say what is missing beside the radiograph."""
    return refused("", "incomplete", " ".join(str(words) for field in errors.values() for words in field))
