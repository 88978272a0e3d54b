"""Authentication of scripts by API token."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from diagnostics.accounts.errors import InvalidToken
from diagnostics.accounts.models import ApiToken, User
from diagnostics.accounts.services import attempts, tokens


class ApiTokenAuthentication(TokenAuthentication):
    """`Authorization: Token <key>`; invalid tokens are limited by address."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return user and token; raises AuthenticationFailed or Throttled. A valid token is never limited."""
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            wait = attempts.count_invalid_token(address=request.META["REMOTE_ADDR"], now=timezone.now())
            if wait:
                raise Throttled(wait, _("Too many requests with an invalid API token.")) from None
            raise

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        """Return user and token of a key; raises AuthenticationFailed."""
        try:
            token = tokens.authenticate_token(key=key, now=timezone.now())
        except InvalidToken as error:
            raise AuthenticationFailed(str(error)) from error
        return token.user, token


def user_of_token(request: HttpRequest) -> User | None:
    """Return the user of a request's API token or None; raises AuthenticationFailed or Throttled."""
    authenticated: Any = ApiTokenAuthentication().authenticate(Request(request))
    return authenticated[0] if authenticated else None
