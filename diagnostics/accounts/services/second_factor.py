"""Second factors: enrolment, check, recovery codes, and the reset by an administrator."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from diagnostics.accounts.errors import WrongFactor
from diagnostics.accounts.models import Authenticator, RecoveryCode, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import end_tokens, require, require_whole_account, totp
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action

RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 8  # 64 random bits: a digest without salt cannot be guessed through the limits


@transaction.atomic
def add_totp(*, by: User, key: str, code: str, name: str, now: datetime) -> None:
    """Add an authenticator app whose first code is right; raises WrongFactor."""
    step = totp.matching_step(key=key, code=code, after=0, now=now)
    if step is None:
        raise WrongFactor(_("The code is wrong. Check that the time of your telephone is right."))
    _add(Authenticator.Kind.TOTP, by=by, name=name, secret=totp.encrypted(key), now=now, last_step=step)


@transaction.atomic
def add_passkey(*, by: User, secret: str, name: str, now: datetime) -> None:
    """Add a passkey that `passkeys.complete_registration` has verified."""
    _add(Authenticator.Kind.PASSKEY, by=by, name=name, secret=secret, now=now)


@transaction.atomic
def check_code(*, user: User, code: str, now: datetime) -> None:
    """Accept a code of the user's authenticator app, or a recovery code, once; raises WrongFactor."""
    code = "".join(code.split()).lower()
    for factor in user.authenticators.filter(kind=Authenticator.Kind.TOTP):
        key = totp.decrypted(factor.secret)
        step = key and totp.matching_step(key=key, code=code, after=factor.last_step, now=now)
        unused = Authenticator.objects.filter(pk=factor.pk, last_step__lt=step) if step else None
        if unused is not None and unused.update(last_step=step, last_used_at=now):
            return
    if not user.recovery_codes.filter(digest=_digest(code)).delete()[0]:
        raise WrongFactor(_("The code is wrong or was used before."))
    left = user.recovery_codes.count()
    audit.record(action=Action.RECOVERY_CODE_USED, by=user, detail={"codes left": left}, now=now)


def record_use(*, factor: Authenticator, now: datetime) -> None:
    """Store when a passkey was used."""
    Authenticator.objects.filter(pk=factor.pk).update(last_used_at=now)


def record_failure(*, user: User, now: datetime) -> None:
    """Record a wrong second factor after a right password: the password may be known to others."""
    audit.record(action=Action.FACTOR_FAILED, by=user, now=now)


@transaction.atomic
def create_recovery_codes(*, by: User, now: datetime) -> list[str]:
    """Replace the user's recovery codes and return the new ones, which are not stored."""
    codes = [secrets.token_hex(RECOVERY_BYTES) for _number in range(RECOVERY_CODES)]
    by.recovery_codes.all().delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=by, digest=_digest(code)) for code in codes)
    audit.record(action=Action.RECOVERY_CODES_CREATED, by=by, now=now)
    return codes


@transaction.atomic
def remove_factor(*, by: User, factor: Authenticator, now: datetime) -> None:
    """Remove one of the user's own second factors; with the last one the recovery codes go too."""
    by.authenticators.filter(pk=factor.pk).delete()
    audit.record(action=Action.FACTOR_REMOVED, by=by, detail={"kind": factor.kind}, now=now)
    if not by.authenticators.exists():
        by.recovery_codes.all().delete()


@transaction.atomic
def reset_factors(*, user: User, by: User | None, now: datetime) -> None:
    """Remove all second factors of an account and end its sessions and API tokens; raises NotAllowed.

    `by` is None on the command line of the host.
    """
    if by is not None:
        require_whole_account(by, user)
    user.authenticators.all().delete()
    user.recovery_codes.all().delete()
    audit.record(action=Action.FACTORS_RESET, by=by, target=user, now=now)
    _end_access(user=user, by=by, reason="second factor", now=now)


@transaction.atomic
def end_access(*, user: User, by: User, now: datetime) -> None:
    """End all sessions and API tokens of an account; raises NotAllowed."""
    require(by, Permission.MANAGE_STAFF)
    audit.record(action=Action.ACCESS_ENDED, by=by, target=user, now=now)
    _end_access(user=user, by=by, reason="administrator", now=now)


def _end_access(*, user: User, by: User | None, reason: str, now: datetime) -> None:
    User.objects.filter(pk=user.pk).update(credential_epoch=F("credential_epoch") + 1)
    end_tokens(user=user, by=by, reason=reason, now=now)


def _add(
    kind: Authenticator.Kind, *, by: User, name: str, secret: str, now: datetime, last_step: int = 0
) -> None:
    Authenticator.objects.create(
        user=by, kind=kind, name=name or str(kind.label), secret=secret, created_at=now, last_step=last_step
    )
    audit.record(action=Action.FACTOR_ADDED, by=by, detail={"kind": kind.value}, now=now)


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
