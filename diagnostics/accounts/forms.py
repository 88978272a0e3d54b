"""Forms of accounts: login, password, staff, hotkeys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UserCreationForm
from django.http import QueryDict
from django.utils.functional import Promise

from diagnostics.accounts import hotkeys
from diagnostics.accounts.models import User

MAX_KEY_LENGTH = 12  # characters


class LoginForm(AuthenticationForm):
    """User name and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class PasswordForm(PasswordChangeForm):
    """The current password, and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class CreateStaffForm(UserCreationForm):
    """A new staff account."""

    class Meta:
        model = User
        fields = ("username", "role", "sites")
        widgets = {"sites": forms.CheckboxSelectMultiple}


class HotkeysForm(forms.Form):
    """One field for the key of each action."""

    @classmethod
    def for_user(cls, user: User, data: QueryDict | None) -> HotkeysForm:
        """Return the form with the user's hotkeys, or with the submitted ones."""
        form = cls(data)
        for action, chord in hotkeys.effective_hotkeys(user.hotkeys).items():
            default = hotkeys.HOTKEYS[action]
            field = forms.CharField(
                label=str(default.label),
                initial=hotkeys.displayed(chord),
                required=False,
                max_length=MAX_KEY_LENGTH,
                help_text=hotkeys.displayed(default.chord),
            )
            field.widget.attrs |= {"class": "form-control", "data-hotkey": "", "autocomplete": "off"}
            form.fields[action] = field
        return form

    def chords(self) -> dict[str, str]:
        """Return the submitted keys by action; a missing field is empty and selects the default."""
        return {action: str(self.data.get(action, ""))[:MAX_KEY_LENGTH] for action in self.fields}

    def add_errors(self, errors: dict[str, str]) -> None:
        """Add the error of each invalid key to its field."""
        for action, text in errors.items():
            self.add_error(action, text)
            self.fields[action].widget.attrs |= {
                "aria-invalid": "true",
                "aria-describedby": f"error-{action}",
            }

    def groups(self) -> list[tuple[Promise, list[forms.BoundField]]]:
        """Return the title and the fields of each group."""
        return [(group.title, [self[hotkey.action] for hotkey in group.hotkeys]) for group in hotkeys.GROUPS]


def _style(form: forms.Form) -> None:
    for name, field in form.fields.items():
        field.widget.attrs["class"] = "form-control"
        if form.errors.get(name):
            field.widget.attrs["aria-invalid"] = "true"
