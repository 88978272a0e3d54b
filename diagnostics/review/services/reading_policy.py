"""Changes of the reading policy of a site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import NotAllowed
from diagnostics.review.models import ReadingPolicy


@transaction.atomic
def set_policy(
    *, site: Site, policy: Mapping[str, Any], site_rules: Mapping[str, Any], by: User, now: datetime
) -> ReadingPolicy:
    """Set the reading policy and the reading rules stored on the site; applies to later first readings.

    Raises NotAllowed.
    """
    require(by, Permission.MANAGE_READERS)
    if not by.sites.filter(pk=site.pk).exists():
        raise NotAllowed(_("You do not work at this site."))
    for name, value in site_rules.items():
        setattr(site, name, value)
    site.save(update_fields=list(site_rules))
    saved, _created = ReadingPolicy.objects.update_or_create(site=site, defaults=dict(policy))
    detail = {**policy, **site_rules}
    audit.record(action=Action.READING_POLICY_CHANGED, by=by, target=site, detail=detail, now=now)
    return saved
