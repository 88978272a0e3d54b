"""TODO: diagnostics.accounts.errors."""

from __future__ import annotations

from diagnostics.errors import DomainError


class InvalidHotkey(DomainError):
    """A key that cannot be used, or that another act has; `refusals` says which, by act."""

    code = "key_refused"

    def __init__(self, refusals: dict[str, str]) -> None:
        super().__init__(" ".join(refusals.values()))
        self.refusals = refusals


class NoDefaultSite(DomainError):
    """No site has been marked as the one for new cases."""

    code = "no_default_site"
