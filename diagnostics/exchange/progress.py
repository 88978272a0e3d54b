"""How far an import has come, in words a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.base import OPEN, Status
from diagnostics.exchange.models import Ending, Import, Step


@dataclass(frozen=True)
class Progress:
    """What the head of an import's page says."""

    status: str
    words: str
    films: int
    waiting: int
    opened: int
    linked: int
    refused: int
    over: bool  # nothing changes by itself any more
    may_begin: bool

    @property
    def done(self) -> int:
        return self.films - self.waiting


def of(importing: Import, endings: Mapping[str, int]) -> Progress:
    """Say how far an import is, from its row and its films' endings."""
    films, waiting = sum(endings.values()), endings[Ending.WAITING]
    over = importing.status not in OPEN
    return Progress(
        status="looked" if importing.step == Step.LOOKED else importing.status,
        words=_words(importing, films, waiting),
        films=films,
        waiting=waiting,
        opened=endings[Ending.OPENED],
        linked=endings[Ending.LINKED],
        refused=endings[Ending.REFUSED],
        over=over,
        may_begin=over and waiting > 0,
    )


def _words(importing: Import, films: int, waiting: int) -> str:
    if importing.step == Step.LOOKED:
        return _("Looked through, nothing imported yet")
    if importing.status == Status.FAILED:
        return _("Failed")
    if importing.status == Status.DONE:
        return _stopped(waiting) if waiting else _("Done")
    if importing.stop_asked:
        return _("Stopping after the present film")
    if films == waiting and importing.status == Status.QUEUED:
        return _("Waiting for the worker")
    return _("Film %(done)d of %(films)d") % {"done": films - waiting, "films": films}


def _stopped(waiting: int) -> str:
    return ngettext("Stopped, %(n)d film waits", "Stopped, %(n)d films wait", waiting) % {"n": waiting}
