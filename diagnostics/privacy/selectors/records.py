"""Erasures and retention rules of the sites of an administrator."""

from __future__ import annotations

from django.db.models import QuerySet

from diagnostics.accounts.models import Site, User
from diagnostics.privacy.models import Erasure, RetentionRule


def erasures(user: User) -> QuerySet[Erasure]:
    """Return the erasures at the user's sites, the newest first."""
    return Erasure.objects.filter(site__in=user.sites.values("pk")).select_related("site", "by")


def rules(user: User) -> list[tuple[Site, RetentionRule | None]]:
    """Return each site of the user with its retention rule, if it has one."""
    found = {
        rule.site_id: rule
        for rule in RetentionRule.objects.filter(site__in=user.sites.values("pk")).select_related(
            "changed_by"
        )
    }
    return [(site, found.get(site.pk)) for site in user.sites.all()]
