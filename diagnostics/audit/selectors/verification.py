"""Verification of the hash chain: an edited, deleted, reordered or truncated event is found and named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from diagnostics.audit import anchor, chain
from diagnostics.audit.anchor import Anchor
from diagnostics.audit.models import Action, AuditCheckpoint, AuditEvent
from diagnostics.audit.selectors import tail

ROWS_IN_MEMORY: Final = 2000
SEALED_AFTER: Final = timedelta(hours=1)  # an event that is unsealed for longer is a problem
CHANGES: Final = {"sqlite": ("update", "delete", "replace"), "postgresql": ("update", "delete", "truncate")}
TRIGGERS_PRESENT: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')",
}


@dataclass(frozen=True)
class ChainReport:
    """Result of a verification; the first problem names the first broken event."""

    events: int
    unsealed: int
    end: Anchor
    problems: tuple[str, ...]


def verify(*, now: datetime) -> ChainReport:
    """Recompute the chain from the last checkpoint to its end and compare it with the anchor."""
    stored = anchor.read()  # before the events: a concurrent sealing then only adds events after it
    unsealed = AuditEvent.objects.filter(position=None)
    walk = _Walk(tail.start(), stored)
    broken = next(walk.problems(), None)
    problems = [broken] if broken else list(_anchor_problems(stored, walk))
    problems += [*_checkpoint_problems(), *_trigger_problems()]
    late = unsealed.filter(at__lt=now - SEALED_AFTER).order_by("pk").first()
    if late:
        problems.append(
            f"event {late.pk} of {late.at:%Y-%m-%d %H:%M} is still unsealed: is the scheduler up?"
        )
    return ChainReport(walk.events, unsealed.count(), walk.end, tuple(problems))


class _Walk:
    """One pass over the sealed events."""

    def __init__(self, start: Anchor, stored: Anchor | None) -> None:
        self.end, self.events, self._anchor = start, 0, stored

    def problems(self) -> Iterator[str]:
        """Yield each event that breaks the chain; `end` is the last good one when the first is yielded."""
        sealed = AuditEvent.objects.filter(position__isnull=False).order_by("position", "pk")
        for event in sealed.iterator(chunk_size=ROWS_IN_MEMORY):
            if event.position != self.end.position + 1:
                yield (
                    f"position {self.end.position + 1} is missing: the next event is {event.pk} "
                    f"at position {event.position}"
                )
            elif event.hash != chain.hash_of(event, previous=self.end.hash):
                yield f"event {event.pk} at position {event.position} does not match its hash"
            elif self._anchor and event.position == self._anchor.position and event.hash != self._anchor.hash:
                yield f"event {event.pk} at position {event.position} does not match the anchor of this home"
            self.end = Anchor(event.position or 0, event.hash)
            self.events += 1


def _anchor_problems(stored: Anchor | None, walk: _Walk) -> Iterator[str]:
    if stored is None:
        if walk.end.position:
            yield f"the file {anchor.path().name} is missing in this home"
    elif stored.position > walk.end.position:
        yield (
            f"events after position {walk.end.position} are missing: "
            f"the anchor of this home is at position {stored.position}"
        )


def _checkpoint_problems() -> Iterator[str]:
    """Yield the last checkpoint unless the log has the event of its pruning."""
    last = AuditCheckpoint.objects.order_by("-position").first()
    if last is None:
        return
    pruned = AuditEvent.objects.filter(action=Action.AUDIT_PRUNED, at=last.at)
    if not any(event.detail.get("hash") == last.hash for event in pruned):
        yield f"the checkpoint at position {last.position} has no event of its pruning"


def _trigger_problems() -> Iterator[str]:
    """Yield each append-only trigger that is missing or switched off."""
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS_PRESENT[connection.vendor])
        present = {name for (name,) in cursor.fetchall()}
    for table in ("event", "checkpoint"):
        for change in CHANGES[connection.vendor]:
            if f"audit_{table}_no_{change}" not in present:
                yield f"the trigger audit_{table}_no_{change} is missing or switched off"
