"""What people send about themselves and about staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UserCreationForm
from django.http import QueryDict
from django.utils.functional import Promise

from diagnostics.accounts import hotkeys
from diagnostics.accounts.models import User

MAX_KEY_LENGTH = 12  # characters of a key's name


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


class CreateStaffForm(UserCreationForm):
    """A new member of staff."""

    class Meta:
        model = User
        fields = ("username", "role", "sites")
        widgets = {"sites": forms.CheckboxSelectMultiple}


class HotkeysForm(forms.Form):
    """One short field for the key of each act."""

    @classmethod
    def of(cls, user: User, sent: QueryDict | None) -> HotkeysForm:
        """Make the form that shows a person's keys, or what they sent."""
        form = cls(sent)
        for act, chord in hotkeys.active_version(user.hotkeys).items():
            words = str(hotkeys.HOTKEYS[act].words)
            field = forms.CharField(
                label=words, initial=hotkeys.shown(chord), required=False, max_length=MAX_KEY_LENGTH
            )
            field.widget.attrs |= {"class": "form-control", "data-hotkey": "", "autocomplete": "off"}
            field.help_text = hotkeys.shown(hotkeys.HOTKEYS[act].chord)
            form.fields[act] = field
        return form

    def wanted(self) -> dict[str, str]:
        """Give the keys as they were sent; a field that was not sent keeps its key at first."""
        return {act: str(self.data.get(act, ""))[:MAX_KEY_LENGTH] for act in self.fields}

    def refuse(self, refusals: dict[str, str]) -> None:
        """Set a sentence below each field whose key was refused."""
        for act, sentence in refusals.items():
            self.add_error(act, sentence)
            self.fields[act].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"why-{act}"}

    def groups(self) -> list[tuple[Promise, list[forms.BoundField]]]:
        """List the fields as they stand together."""
        return [(group.words, [self[hotkey.act] for hotkey in group.hotkeys]) for group in hotkeys.GROUPS]


def _dress(form: forms.Form) -> None:
    for name, field in form.fields.items():
        field.widget.attrs["class"] = "form-control"
        if form.errors.get(name):
            field.widget.attrs["aria-invalid"] = "true"
