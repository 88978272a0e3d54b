"""The priority of cases, set by staff who assign the work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.models import PRIORITY_RANK, Case, Priority


@transaction.atomic
def set_priority(*, cases: Iterable[Case], priority: Priority, by: User, now: datetime) -> int:
    """Set the priority of cases and with it their deadlines; return how many changed."""
    require(by, Permission.ASSIGN)
    other = selectors.visible_to(by).filter(pk__in=[case.pk for case in cases]).exclude(priority=priority)
    changed = list(other.select_for_update(no_key=True, of=("self",)).select_related("site"))
    for case in changed:
        detail = {"from": case.priority, "to": priority.value}
        case.priority, case.priority_rank = priority, PRIORITY_RANK[priority]
        case.due_at = due_at(case.site, priority, case.opened_at)
        case.save(update_fields=["priority", "priority_rank", "due_at"])
        audit.record(action=Action.PRIORITY_CHANGED, by=by, target=case, detail=detail, now=now)
    return len(changed)
