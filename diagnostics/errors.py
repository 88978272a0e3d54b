"""The base class of errors whose message a user may read."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """A request that cannot be carried out; the message is for the user.

    `code` is stable for scripts, `status` is the HTTP status of the API's response.
    """

    code = "refused"
    status: ClassVar[int] = 400
    retry_after: ClassVar[int | None] = None  # seconds until a script may repeat the request

    def members(self) -> dict[str, Any]:
        """Return further fields of the API's response, besides code and message."""
        return {}


class NotAllowed(DomainError):
    """The user's role does not include the permission."""

    code = "not_allowed"
    status = 403


class StorageUnavailable(DomainError):
    """The disk is full, read-only or not mounted, or the S3 bucket cannot be reached."""

    code = "storage_unavailable"
    status = 503
    retry_after = 60
