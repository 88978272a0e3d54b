"""Readers: the active users of a site who may sign readings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission, Role, role_has_permission


def readers_of(sites: Iterable[Any]) -> QuerySet[User]:
    """Return the active users who read radiographs at any of these sites."""
    roles = [role for role in Role.values if role_has_permission(role, Permission.READ)]
    return (
        User.objects.filter(is_active=True, role__in=roles, sites__in=sites).distinct().order_by("username")
    )
