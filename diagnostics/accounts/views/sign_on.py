"""Login at the identity provider: the way there, the callback, and the page after a logout."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from diagnostics.accounts import openid, selectors
from diagnostics.accounts.errors import SignOnRefused
from diagnostics.accounts.models import User
from diagnostics.accounts.openid import Claims, ProviderError
from diagnostics.accounts.services import sign_on as services
from diagnostics.accounts.views.sessions import CONFIRMED, start_session

BEGUN: Final = "sign_on_begun"  # session key: what the callback needs
SIGNED_ON: Final = "signed_on"  # session key: the provider has authenticated this session
BEGUN_SECONDS: Final = 600
logger = logging.getLogger(__name__)


@never_cache
@require_safe
def begin(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider's login page."""
    _require_provider()
    then = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(then, allowed_hosts=None):
        then = resolve_url(settings.LOGIN_REDIRECT_URL)
    begun = openid.Request.new()
    try:
        url = openid.authorization_url(
            begun, redirect_uri=_callback_url(request), again="again" in request.GET
        )
    except ProviderError as error:
        logger.error("sign-on: %s", error)
        return _refuse(request, services.refused("provider"))
    request.session[BEGUN] = vars(begun) | {"then": then, "at": timezone.now().timestamp()}
    return redirect(url)


@never_cache
@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Log in the user whom the provider has authenticated; a second factor follows where one is enrolled."""
    _require_provider()
    begun = request.session.pop(BEGUN, None)
    try:
        claims = _claims(request, begun)
        user = services.account_of(claims=claims, now=timezone.now())
    except SignOnRefused as error:
        return _refuse(request, error)
    if selectors.has_second_factor(user) and not _had_second_factor(claims):
        request.session.cycle_key()
        request.session["pending_login"] = {
            "user": str(user.pk),
            "state": user.credential_state(),
            "at": timezone.now().timestamp(),
            "then": begun["then"],
            "signed_on": True,
        }
        return redirect("accounts:second-factor")
    return _start(request, user, claims, then=begun["then"])


@never_cache
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Say that the session has ended, and offer to end the one at the provider."""
    _require_provider()
    url = openid.logout_url(redirect_uri=request.build_absolute_uri(resolve_url("accounts:login")))
    return render(request, "accounts/signed_out.html", {"url": url, "name": settings.OIDC_NAME})


def _claims(request: HttpRequest, begun: Any) -> Claims:
    """Return the verified claims of a callback; raises SignOnRefused."""
    now = timezone.now().timestamp()
    if not begun or now - begun["at"] > BEGUN_SECONDS:
        raise services.refused("state")
    if not constant_time_compare(request.GET.get("state", ""), begun["state"]):
        raise services.refused("state")
    if "code" not in request.GET:  # the provider has refused, or the user has cancelled
        raise services.refused("provider")
    stored = openid.Request(begun["state"], begun["nonce"], begun["verifier"])
    try:
        return openid.claims_of(code=request.GET["code"], request=stored, redirect_uri=_callback_url(request))
    except ProviderError as error:
        logger.error("sign-on: %s", error)
        raise services.refused("provider") from error


def _start(request: HttpRequest, user: User, claims: Claims, *, then: str) -> HttpResponse:
    response = start_session(request, user, then=then)
    request.session[SIGNED_ON] = True
    request.session["second_factor_by_provider"] = _had_second_factor(claims)
    typed_at = claims.get("auth_time")
    age = timezone.now().timestamp() - typed_at if isinstance(typed_at, int | float) else None
    if age is None or age > CONFIRMED.total_seconds():
        request.session.pop("confirmed_at", None)  # the credentials may have been given hours ago
    return response


def _had_second_factor(claims: Claims) -> bool:
    """Return whether the provider states a method that the setting accepts as second factor (RFC 8176)."""
    methods = claims.get("amr", [])
    return isinstance(methods, list) and bool(set(map(str, methods)) & set(settings.OIDC_SECOND_FACTOR))


def _refuse(request: HttpRequest, error: SignOnRefused) -> HttpResponse:
    services.record_refusal(code=error.code, now=timezone.now())
    messages.error(request, str(error))
    return redirect("accounts:login")


def _callback_url(request: HttpRequest) -> str:
    return request.build_absolute_uri(resolve_url("accounts:sign-on-callback"))


def _require_provider() -> None:
    if not openid.is_configured():
        raise Http404
