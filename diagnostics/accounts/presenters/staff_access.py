"""Rows of the staff page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from diagnostics.accounts.models import User


@dataclass(frozen=True)
class StaffRow:
    """One account and what can be changed about its access."""

    pk: UUID
    username: str
    name: str
    sites: str
    role: str
    is_active: bool
    last_login: datetime | None
    factors: int
    tokens: int
    is_self: bool


def staff_rows(staff: Iterable[Any], viewer: User) -> list[StaffRow]:
    """Return the rows of accounts that carry `factors` and `tokens`, as selectors.staff_with_access gives."""
    return [
        StaffRow(
            pk=user.pk,
            username=user.username,
            name=user.get_full_name(),
            sites=", ".join(site.name for site in user.sites.all()),
            role=user.get_role_display(),
            is_active=user.is_active,
            last_login=user.last_login,
            factors=user.factors,
            tokens=user.tokens,
            is_self=user.pk == viewer.pk,
        )
        for user in staff
    ]
