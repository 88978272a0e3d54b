"""Errors of webhooks."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.errors import DomainError

WEBHOOK_PROBLEMS: Final[dict[str, Promise]] = {
    "address_refused": _(
        "The URL leads to a private, local or reserved address. Use a public address, or ask the operator to "
        "allow its network with READROOM_WEBHOOK_ALLOWED_NETWORKS."
    ),
    "https_required": _(
        "The URL must begin with https://, except for a network that the operator has allowed."
    ),
    "url_invalid": _("The URL is not valid: it needs https://, a host, and neither user name nor fragment."),
    "name_unknown": _("The host name of the URL could not be resolved. Check the URL and the name server."),
    "no_connection": _("The connection was refused or interrupted. Check that the endpoint is running."),
    "tls_failed": _("The TLS certificate could not be verified. Check the certificate of the endpoint."),
    "timed_out": _(
        "The endpoint did not respond within five seconds. It must respond before it works on an event."
    ),
    "bad_response": _("The response is no valid HTTP. Check that the URL leads to the endpoint."),
    "status_refused": _("The endpoint responded with a status other than 2xx; redirects are not followed."),
    "endpoint_inactive": _(
        "The endpoint was deactivated before the delivery. Activate it and deliver again."
    ),
    "secret_lost": _("The secret cannot be decrypted: SECRET_KEY was replaced. Create a new secret."),
    "worker_lost": _("The worker stopped three times during this delivery. Check its log and deliver again."),
}


def webhook_problem(code: str) -> str:
    """Return what a problem of a delivery means and what to do, in the user's language."""
    return str(WEBHOOK_PROBLEMS.get(code, _("An unexpected error occurred. Deliver again.")))


class InvalidEndpoint(DomainError):
    """A webhook endpoint whose URL or events cannot be used."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DeliveryFailed(Exception):
    """A request that got no usable response; `code` is a key of WEBHOOK_PROBLEMS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
