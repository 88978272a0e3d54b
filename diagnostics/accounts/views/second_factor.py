"""The second step of a login, and the pages on which users manage their own second factors."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnostics.accounts import openid, selectors
from diagnostics.accounts.errors import WrongFactor
from diagnostics.accounts.forms import ConfirmForm, FactorForm
from diagnostics.accounts.models import MAX_NAME, Authenticator, User
from diagnostics.accounts.permissions import StaffRequest, require_login
from diagnostics.accounts.presenters.qr_code import qr_code
from diagnostics.accounts.services import attempts, passkeys, second_factor, totp
from diagnostics.accounts.views.sessions import require_confirmed_password, start_session, too_many_attempts

PENDING_SECONDS: Final = 600  # between the password and the second factor


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor of a login whose password was right."""
    user = _pending_user(request)
    if user is None:
        return redirect("accounts:login")
    if request.method == "GET":
        return _check_page(request, user)
    now = timezone.now()
    attempt = attempts.begin_check(user=user, kind="factor", address=request.META["REMOTE_ADDR"], now=now)
    if attempt.wait:
        return too_many_attempts(request, attempt.wait)
    try:
        _check_factor(request, user)
    except WrongFactor as error:
        second_factor.record_failure(user=user, now=now)
        return _check_page(request, user, error=str(error))
    attempt.succeed(now=now)
    pending = request.session.pop("pending_login")
    response = start_session(request, user, then=pending["then"])
    if pending.get("signed_on"):
        request.session["signed_on"] = True
        request.session.pop("confirmed_at", None)  # no password was typed here
    return response


@require_login
@never_cache
@require_safe
def factors(request: StaffRequest) -> HttpResponse:
    """List the user's second factors."""
    return _factors_page(request)


@require_login
@never_cache
@require_http_methods(["GET", "POST"])
@require_confirmed_password
def add_totp(request: StaffRequest) -> HttpResponse:
    """Show the QR code of a new authenticator app, and add it once its first code is right."""
    key = request.session.setdefault("new_totp_key", totp.new_key())
    form = FactorForm(request.POST or None)
    if form.is_valid():
        try:
            second_factor.add_totp(by=request.user, key=key, now=timezone.now(), **form.cleaned_data)
        except WrongFactor as error:
            form.add_error("code", str(error))
        else:
            del request.session["new_totp_key"]
            return _added(request)
    image = qr_code(totp.provisioning_uri(request.user, key))
    return render(request, "accounts/totp.html", {"form": form, "key": key, "image": image})


@require_login
@never_cache
@require_http_methods(["GET", "POST"])
@require_confirmed_password
def add_passkey(request: StaffRequest) -> HttpResponse:
    """Ask the browser for a new passkey, and add it once it is verified."""
    error = ""
    if request.method == "POST":
        try:
            secret = passkeys.complete_registration(
                party=_party(request),
                state=request.session.pop("passkey_state", None),
                response=request.POST.get("credential", ""),
            )
        except WrongFactor as wrong:
            error = str(wrong)
        else:
            name = request.POST.get("name", "").strip()[:MAX_NAME]
            second_factor.add_passkey(by=request.user, secret=secret, name=name, now=timezone.now())
            return _added(request)
    ceremony = passkeys.begin_registration(request.user, _party(request))
    request.session["passkey_state"] = ceremony.state
    return render(request, "accounts/passkey.html", {"options": ceremony.options, "error": error})


@require_login
@never_cache
@require_POST
@require_confirmed_password
def recovery_codes(request: StaffRequest) -> HttpResponse:
    """Replace the recovery codes and show the new ones once."""
    if not selectors.has_second_factor(request.user):
        return redirect("accounts:factors")
    return _factors_page(
        request, codes=second_factor.create_recovery_codes(by=request.user, now=timezone.now())
    )


@require_login
@require_POST
@require_confirmed_password
def remove(request: StaffRequest, pk: Any) -> HttpResponse:
    """Remove one of the user's own second factors."""
    factor = get_object_or_404(request.user.authenticators, pk=pk)
    second_factor.remove_factor(by=request.user, factor=factor, now=timezone.now())
    request.session.pop("factor_checked_at", None)  # a site may demand one
    messages.success(request, _("The second factor was removed."))
    return redirect("accounts:factors")


@require_login
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def confirm(request: StaffRequest) -> HttpResponse:
    """Ask for the password again before a change of the second factors."""
    then = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(then, allowed_hosts=None):
        then = "accounts:factors"
    if openid.is_configured() and not request.user.has_usable_password():
        query = urlencode({"again": "1", "next": str(then)})
        return redirect(f"{resolve_url('accounts:sign-on')}?{query}")
    if request.method == "GET":
        return render(request, "accounts/confirm.html", {"form": ConfirmForm(request.user)})
    attempt = attempts.begin_check(
        user=request.user, kind="password", address=request.META["REMOTE_ADDR"], now=timezone.now()
    )
    if attempt.wait:
        return too_many_attempts(request, attempt.wait)
    form = ConfirmForm(request.user, request.POST)
    if not form.is_valid():
        return render(request, "accounts/confirm.html", {"form": form})
    attempt.succeed(now=timezone.now())
    request.session["confirmed_at"] = timezone.now().timestamp()
    return redirect(then)


def _pending_user(request: HttpRequest) -> User | None:
    """Return the user whose password was right in this session a short while ago."""
    pending = request.session.get("pending_login")
    if not pending or timezone.now().timestamp() - pending["at"] > PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    return user if user and user.credential_state() == pending["state"] else None


def _check_factor(request: HttpRequest, user: User) -> None:
    """Check a passkey's response or a code; raises WrongFactor."""
    response = request.POST.get("credential", "")
    if not response:
        return second_factor.check_code(user=user, code=request.POST.get("code", ""), now=timezone.now())
    used = passkeys.complete_check(
        user=user, party=_party(request), state=request.session.pop("passkey_state", None), response=response
    )
    return second_factor.record_use(factor=used, now=timezone.now())


def _check_page(request: HttpRequest, user: User, *, error: str = "") -> HttpResponse:
    options = ""
    if user.authenticators.filter(kind=Authenticator.Kind.PASSKEY).exists():
        ceremony = passkeys.begin_check(user, _party(request))
        options, request.session["passkey_state"] = ceremony.options, ceremony.state
    return render(request, "accounts/second_factor.html", {"options": options, "error": error})


def _added(request: StaffRequest) -> HttpResponse:
    """Show the list; with the first factor come recovery codes, shown once."""
    request.session.pop("must_enrol", None)
    messages.success(request, _("The second factor was added. The next login asks for it."))
    if request.user.recovery_codes.exists():
        return redirect("accounts:factors")
    return _factors_page(
        request, codes=second_factor.create_recovery_codes(by=request.user, now=timezone.now())
    )


def _factors_page(request: StaffRequest, *, codes: list[str] | None = None) -> HttpResponse:
    context = {
        "factors": request.user.authenticators.all(),
        "codes": codes,
        "codes_left": request.user.recovery_codes.count(),
        "must_enrol": request.session.get("must_enrol", False),
    }
    return render(request, "accounts/factors.html", context)


def _party(request: HttpRequest) -> passkeys.RelyingParty:
    return passkeys.RelyingParty(scheme=request.scheme or "http", host=request.get_host())
