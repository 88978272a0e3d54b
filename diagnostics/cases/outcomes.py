"""How each file of an upload ended: accepted, known already, or refused with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.forms.utils import ErrorDict
from django.urls import reverse
from django.utils.translation import gettext as _

from diagnostics.cases.models import Case
from diagnostics.cases.refusals import FilmOfAnotherPatient

Ending = Literal["accepted", "duplicate", "conflict", "refused"]


@dataclass(frozen=True)
class Outcome:
    """What became of one file; `file` is shown to the sender and kept nowhere."""

    file: str
    ending: Ending
    words: str
    code: str = ""
    url: str = ""


def admitted(file: str, case: Case, *, created: bool) -> Outcome:
    """Say that a film has its case, a new one or the one it had before."""
    url = reverse("cases:case", args=[case.pk])
    if created:
        return Outcome(file, "accepted", _("Accepted."), url=url)
    return Outcome(file, "duplicate", _("This film is here already; nothing was stored twice."), url=url)


def refused(file: str, code: str, words: str) -> Outcome:
    """Say why a film was not taken."""
    ending: Ending = "conflict" if code == FilmOfAnotherPatient.code else "refused"
    return Outcome(file, ending, words, code=code)


def incomplete(errors: ErrorDict) -> Outcome:
    """Say what is missing beside the film."""
    return refused("", "incomplete", " ".join(str(words) for field in errors.values() for words in field))
