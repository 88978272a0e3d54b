"""Who may see the patient references of many cases at once."""

from __future__ import annotations

from typing import Final

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission

IDENTIFIERS_SCOPE: Final = "identifiers"  # of an API token


def may_see_identifiers(user: User, auth: object) -> bool:
    """Return whether lists show full patient references: to a token with that scope only.

    A session never has it: pages mask references too, and show one at a time, audited.
    """
    scopes = getattr(auth, "scopes", ())
    return user.has_permission(Permission.SEE_CASES) and IDENTIFIERS_SCOPE in scopes
