"""The page of a password link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.forms import NewPasswordForm
from diagnostics.accounts.services import passwords


class PasswordLink(PasswordResetConfirmView):
    """Set a new password; the second factor is still asked for at the login."""

    template_name = "accounts/reset.html"
    form_class = NewPasswordForm
    http_method_names = ["get", "post", "head", "options"]

    def form_valid(self, form: Any) -> HttpResponse:
        """Save the password and go to the login page."""
        user: Any = self.user  # of the link, which Django has checked
        passwords.reset_password(user=user, password=form.cleaned_data["new_password1"], now=timezone.now())
        del self.request.session["_password_reset_token"]
        messages.success(self.request, _("Your password was set. Log in with it."))
        return redirect("accounts:login")
