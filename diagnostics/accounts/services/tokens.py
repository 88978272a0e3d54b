"""API tokens: named, scoped, expiring, shown once, and ended by every change of the account's credentials."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts import roles
from diagnostics.accounts.errors import InvalidToken
from diagnostics.accounts.models import ApiToken, User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action

KEY_BYTES: Final = 20  # 160 random bits: a digest without salt and without delay cannot be guessed
DEFAULT_DAYS: Final = 90
USE_INTERVAL: Final = timedelta(minutes=1)  # avoids one database write for each request


@transaction.atomic
def create_token(
    *,
    by: User,
    now: datetime,
    name: str = "",
    scopes: Collection[str] | None = None,
    days: int = DEFAULT_DAYS,
) -> str:
    """Create an API token and return its key, which is not stored; see roles.default_scopes."""
    key = secrets.token_hex(KEY_BYTES)
    token = ApiToken.objects.create(
        user=by,
        name=name or _("Token"),
        digest=_digest(key),
        scopes=sorted(scopes if scopes is not None else roles.default_scopes(by.role)),
        credential_state=by.credential_state(),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    detail = {"scopes": " ".join(token.scopes), "days": days}
    audit.record(action=Action.TOKEN_CREATED, by=by, target=token, detail=detail, now=now)
    return key


def authenticate_token(*, key: str, now: datetime) -> ApiToken:
    """Return the token of a key, its user limited to its scopes; raises InvalidToken."""
    token = ApiToken.objects.select_related("user").filter(digest=_digest(key)).first()
    if token is None or not token.user.is_active or token.credential_state != token.user.credential_state():
        raise InvalidToken(_("The API token is not valid. Create a new one on your profile page."))
    if token.expires_at <= now:
        raise InvalidToken(_("The API token has expired. Create a new one on your profile page."))
    if token.last_used_at is None or now - token.last_used_at > USE_INTERVAL:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    token.user.scopes = frozenset(token.scopes)
    return token


@transaction.atomic
def revoke_token(*, by: User, now: datetime, token: ApiToken | None = None) -> bool:
    """Delete one of the user's API tokens, or all of them; return False when there was none."""
    tokens = by.api_tokens.all() if token is None else by.api_tokens.filter(pk=token.pk)
    revoked, _models = tokens.delete()
    if revoked:
        audit.record(action=Action.TOKEN_REVOKED, by=by, target=token, detail={"tokens": revoked}, now=now)
    return bool(revoked)


def end_tokens(*, user: User, by: User | None, reason: str, now: datetime) -> None:
    """Delete all API tokens of an account after a change of its credentials."""
    ended, _models = user.api_tokens.all().delete()
    if ended:
        detail = {"tokens": ended, "reason": reason}
        audit.record(action=Action.TOKENS_ENDED, by=by, target=user, detail=detail, now=now)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
