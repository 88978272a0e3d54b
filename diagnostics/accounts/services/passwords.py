"""Password links: an administrator creates one, and its user sets a new password with it."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from diagnostics.accounts.models import User
from diagnostics.accounts.services import end_tokens, require_whole_account
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action


@transaction.atomic
def create_password_link(*, user: User, by: User | None, now: datetime) -> str:
    """Return the path of a link that sets a password once; raises NotAllowed.

    `by` is None on the command line of the host. The link ends after PASSWORD_RESET_TIMEOUT, with the next
    login and with the next password.
    """
    if by is not None:
        require_whole_account(by, user)
    audit.record(action=Action.PASSWORD_LINK_CREATED, by=by, target=user, now=now)
    user_id = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("accounts:reset", args=[user_id, default_token_generator.make_token(user)])


@transaction.atomic
def reset_password(*, user: User, password: str, now: datetime) -> None:
    """Set the password of the user of a link; it ends all sessions and API tokens."""
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(action=Action.PASSWORD_RESET, by=user, now=now)
    end_tokens(user=user, by=user, reason="password", now=now)
