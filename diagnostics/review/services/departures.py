"""What happens to the open cases of a reader who may no longer read them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.review.models import Assignment, Claim
from diagnostics.review.services.claims import end_open_claim
from diagnostics.review.services.locks import lock_case


@transaction.atomic
def release_cases(*, reader: User, by: User, now: datetime) -> int:
    """End the claims and assignments of a reader on cases that the reader may no longer read.

    These are all cases of an account that is inactive or has another role, and those of sites that it has
    left. Return how many cases were released; raises NotAllowed.
    """
    require(by, Permission.MANAGE_READERS)
    lost = Q() if not reader.has_permission(Permission.READ) else ~Q(case__site__in=reader.sites.values("pk"))
    released = set()
    for claim in Claim.objects.filter(lost, by=reader, ended_at=None).select_related("case"):
        lock_case(claim.case)
        end_open_claim(claim.case, now)
        detail = {"reader": str(reader.pk)}
        audit.record(action=Action.CLAIM_ENDED, by=by, target=claim.case, detail=detail, now=now)
        released.add(claim.case_id)
    open_assignments = Assignment.objects.filter(lost, to=reader, case__finalized_at=None)
    for assignment in open_assignments.select_related("case"):
        audit.record(action=Action.CASE_ASSIGNED, by=by, target=assignment.case, detail={"to": ""}, now=now)
        released.add(assignment.case_id)
        assignment.delete()
    return len(released)
