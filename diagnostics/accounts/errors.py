"""Errors of accounts and sites."""

from __future__ import annotations

from diagnostics.errors import DomainError


class InvalidHotkeys(DomainError):
    """Keys that cannot be used, or that two actions share; `errors` maps each action to its text."""

    code = "invalid_hotkeys"

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class NoDefaultSite(DomainError):
    """No site is marked as the default for new cases."""

    code = "no_default_site"


class InvalidToken(DomainError):
    """An API token that does not exist, has expired, or was ended by a change of the account."""

    code = "authentication_failed"
    status = 401


class WrongFactor(DomainError):
    """A second factor that does not match."""

    code = "wrong_factor"
    status = 403


class UnusableLink(DomainError):
    """A password link that has expired or was used."""

    code = "unusable_link"


class SignOnRefused(DomainError):
    """A login of the identity provider that leads to no account; `code` is the reason."""

    status = 403

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
