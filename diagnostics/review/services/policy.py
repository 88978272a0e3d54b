"""TODO: diagnostics.review.services.policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.errors import NotAllowed
from diagnostics.review.models import ReadingPolicy


@transaction.atomic
def set_policy(
    *, site: Site, policy: Mapping[str, Any], rules: Mapping[str, Any], by: User, now: datetime
) -> ReadingPolicy:
    """Say how a site reads, from the next first reading on; `rules` are the site's own columns."""
    if not by.has_permission(Permission.OVERSEE):
        raise NotAllowed(_("Only administrators say how a site reads."))
    for name, value in rules.items():
        setattr(site, name, value)
    site.save(update_fields=list(rules))
    saved, _created = ReadingPolicy.objects.update_or_create(site=site, defaults=dict(policy))
    detail = {**policy, **rules}
    record(action=Action.READING_POLICY_CHANGED, by=by, target=site, detail=detail, now=now)
    return saved
