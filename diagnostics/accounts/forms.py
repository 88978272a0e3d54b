"""What people send about themselves and about staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UserCreationForm

from diagnostics.accounts.models import User


class LoginForm(AuthenticationForm):
    """Name and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)


class PasswordForm(PasswordChangeForm):
    """The old password once, the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)


class HireForm(UserCreationForm):
    """A new member of staff."""

    class Meta:
        model = User
        fields = ("username", "role", "sites")
        widgets = {"sites": forms.CheckboxSelectMultiple}


def _dress(form: forms.Form) -> None:
    for name, field in form.fields.items():
        field.widget.attrs["class"] = "form-control"
        if form.errors.get(name):
            field.widget.attrs["aria-invalid"] = "true"
