"""The end of the hash chain."""

from __future__ import annotations

from diagnostics.audit.anchor import Anchor
from diagnostics.audit.chain import FIRST_PREVIOUS
from diagnostics.audit.models import AuditCheckpoint, AuditEvent


def tail() -> Anchor:
    """Return the position and hash of the last sealed event, or of the checkpoint that follows it."""
    last = AuditEvent.objects.filter(position__gt=0).order_by("-position").first()
    return Anchor(last.position or 0, last.hash) if last else start()


def start() -> Anchor:
    """Return the position and hash that precede the first kept event."""
    last = AuditCheckpoint.objects.order_by("-position").first()
    return Anchor(last.position, last.hash) if last else Anchor(0, FIRST_PREVIOUS)


def contains(anchor: Anchor) -> bool:
    """Return whether the chain has the anchored event; a pruned one counts as contained."""
    first = start()
    if anchor.position <= first.position:
        return anchor.position < first.position or anchor.hash == first.hash
    return AuditEvent.objects.filter(position=anchor.position, hash=anchor.hash).exists()
