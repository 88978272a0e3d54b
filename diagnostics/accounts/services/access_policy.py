"""The access policy of a site: idle timeout and the roles that must use a second factor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import NotAllowed


@transaction.atomic
def set_access_policy(
    *, site: Site, idle_minutes: int, second_factor_roles: Sequence[str], by: User, now: datetime
) -> None:
    """Save the access policy of one of the user's own sites; raises NotAllowed."""
    require(by, Permission.MANAGE_STAFF)
    if not by.sites.filter(pk=site.pk).exists():
        raise NotAllowed(_("You do not work at this site."))
    site.idle_minutes, site.second_factor_roles = idle_minutes, list(second_factor_roles)
    site.save(update_fields=["idle_minutes", "second_factor_roles"])
    detail = {"idle minutes": idle_minutes, "second factor": ", ".join(second_factor_roles)}
    audit.record(action=Action.ACCESS_POLICY_CHANGED, by=by, target=site, detail=detail, now=now)
