"""Errors of DICOMweb."""

from __future__ import annotations

from diagnostics.errors import DomainError


class InvalidQuery(DomainError):
    """The query parameters cannot be understood."""

    code = "invalid_query"


class IdentifiersRequired(DomainError):
    """A search for parts of a name or reference needs a token that may see patient references."""

    code = "identifiers_required"
    status = 403


class InvalidBody(DomainError):
    """The body of a STOW request is not multipart/related of DICOM files."""

    code = "invalid_body"


class UnsupportedMediaType(DomainError):
    """The content type of a STOW request is not supported."""

    code = "unsupported_media_type"
    status = 415


class NotAcceptable(DomainError):
    """None of the media types that the client accepts is offered."""

    code = "not_acceptable"
    status = 406


class BodyTooLarge(DomainError):
    """The body of a STOW request is too large."""

    code = "body_too_large"
    status = 413
