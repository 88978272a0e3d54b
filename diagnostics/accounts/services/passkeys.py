"""Passkeys (WebAuthn) as a second factor, verified by the fido2 library."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    UserVerificationRequirement,
)

from diagnostics.accounts.errors import WrongFactor
from diagnostics.accounts.models import Authenticator, User

MAX_RESPONSE: Final = 20_000  # characters; a response has about one thousand


@dataclass(frozen=True)
class Ceremony:
    """Options for the browser, as JSON, and the state that the session keeps until the response."""

    options: str
    state: dict[str, Any]


@dataclass(frozen=True)
class RelyingParty:
    """The address under which browsers reach Readroom; passkeys are bound to its host."""

    scheme: str
    host: str  # with the port, where there is one

    def server(self) -> Fido2Server:
        """Return the verifier of this address."""
        name = self.host.rsplit(":", 1)[0]
        origin = f"{self.scheme}://{self.host}"
        return Fido2Server(
            PublicKeyCredentialRpEntity(name="Readroom", id=name), verify_origin=lambda sent: sent == origin
        )


def begin_registration(user: User, party: RelyingParty) -> Ceremony:
    """Return the options for a new passkey of a user."""
    entity = PublicKeyCredentialUserEntity(
        id=user.pk.bytes, name=user.username, display_name=user.get_full_name() or user.username
    )
    options, state = party.server().register_begin(
        entity, _credentials(user), user_verification=UserVerificationRequirement.PREFERRED
    )
    return Ceremony(json.dumps(dict(options.public_key)), state)


def complete_registration(*, party: RelyingParty, state: dict[str, Any] | None, response: str) -> str:
    """Return the public key of a new passkey as it is stored; raises WrongFactor."""
    try:
        registered = party.server().register_complete(_checked(state), _parsed(response))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise WrongFactor(_("The passkey was not accepted. Try again.")) from error
    return base64.b64encode(bytes(registered.credential_data or b"")).decode()


def begin_check(user: User, party: RelyingParty) -> Ceremony:
    """Return the options for a check of one of the user's passkeys."""
    options, state = party.server().authenticate_begin(
        _credentials(user), user_verification=UserVerificationRequirement.PREFERRED
    )
    return Ceremony(json.dumps(dict(options.public_key)), state)


def complete_check(
    *, user: User, party: RelyingParty, state: dict[str, Any] | None, response: str
) -> Authenticator:
    """Return the passkey that signed a response; raises WrongFactor."""
    try:
        used = party.server().authenticate_complete(_checked(state), _credentials(user), _parsed(response))
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise WrongFactor(
            _("The passkey was not accepted. Try again, or use another second factor.")
        ) from error
    stored = base64.b64encode(bytes(used)).decode()
    return user.authenticators.get(kind=Authenticator.Kind.PASSKEY, secret=stored)


def _credentials(user: User) -> list[AttestedCredentialData]:
    stored = user.authenticators.filter(kind=Authenticator.Kind.PASSKEY).values_list("secret", flat=True)
    return [AttestedCredentialData(base64.b64decode(secret)) for secret in stored]


def _checked(state: dict[str, Any] | None) -> dict[str, Any]:
    if state is None:
        raise ValueError("no challenge was given to this session, or it was used before")
    return state


def _parsed(response: str) -> dict[str, Any]:
    parsed = json.loads(response[:MAX_RESPONSE])
    if not isinstance(parsed, dict):
        raise ValueError("the response is no object")
    return parsed
