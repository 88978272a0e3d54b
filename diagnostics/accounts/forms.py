"""Forms of accounts: login, password, second factor, API token, staff, hotkeys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AuthenticationForm,
    PasswordChangeForm,
    SetPasswordForm,
    UserCreationForm,
)
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts import hotkeys, roles
from diagnostics.accounts.models import MAX_NAME, Site, User
from diagnostics.accounts.roles import Role

MAX_KEY_LENGTH = 12  # characters
TOKEN_DAYS = ((7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (365, _("One year")))


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


class NewPasswordForm(SetPasswordForm):
    """The new password twice, on the page of a password link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class ConfirmForm(forms.Form):
    """The user's current password."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: Any) -> None:
        super().__init__(*args)
        self.user = user

    def clean_password(self) -> str:
        """Return the password; raises ValidationError for a wrong one."""
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("The password is wrong."))
        return password


class FactorForm(forms.Form):
    """The name of an authenticator app and its first code."""

    name = forms.CharField(label=_("Name, for example the telephone"), max_length=MAX_NAME, required=False)
    code = forms.CharField(label=_("Six-digit code"), max_length=12)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["code"].widget.attrs |= {"inputmode": "numeric", "autocomplete": "one-time-code"}
        _style(self)

    def clean_code(self) -> str:
        """Return the code without spaces."""
        return "".join(self.cleaned_data["code"].split())


class TokenForm(forms.Form):
    """Name, scopes and lifetime of a new API token; the scopes are those of the user's role."""

    name = forms.CharField(label=_("Name, for example the script"), max_length=MAX_NAME)
    scopes = forms.MultipleChoiceField(label=_("Permissions"), widget=forms.CheckboxSelectMultiple)
    days = forms.TypedChoiceField(label=_("Expires after"), choices=TOKEN_DAYS, coerce=int, initial=90)

    def __init__(self, user: User, *args: Any) -> None:
        super().__init__(*args)
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(scope.value, scope.label) for scope in roles.scopes_of_role(user.role)]
        for name, css in (("name", "form-control"), ("days", "form-select")):
            self.fields[name].widget.attrs["class"] = css

    def values(self) -> dict[str, Any]:
        """Return the arguments of the service that creates the token."""
        return self.cleaned_data


class AccessPolicyForm(forms.ModelForm[Site]):
    """The idle timeout of a site and the roles that must use a second factor."""

    second_factor_roles = forms.MultipleChoiceField(
        label=_("Second factor required for"),
        choices=Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Site
        fields = ("idle_minutes", "second_factor_roles")
        widgets = {"idle_minutes": forms.NumberInput(attrs={"class": "form-control", "min": 5, "max": 120})}


class CreateStaffForm(UserCreationForm):
    """A new staff account."""

    class Meta:
        model = User
        fields = ("username", "role", "sites")
        widgets = {"sites": forms.CheckboxSelectMultiple}


class StaffForm(forms.ModelForm[User]):
    """Names, role and sites of an account; the sites are those of the administrator, at least one."""

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "role", "sites")
        widgets = {"sites": forms.CheckboxSelectMultiple}

    def __init__(self, by: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sites = self.fields["sites"]
        assert isinstance(sites, forms.ModelMultipleChoiceField)
        sites.queryset, sites.required = by.sites.all(), True
        sites.error_messages["required"] = _(
            "Choose at least one site: without one, the account sees no case."
        )
        self.fields["username"].label = _("User name")
        self.fields["username"].help_text = _("Letters, digits and @ . + - _ only.")
        for name in ("username", "first_name", "last_name", "email"):
            self.fields[name].widget.attrs |= {"class": "form-control", "autocomplete": "off"}
        self.fields["role"].widget.attrs["class"] = "form-select"


class StaffFilter(forms.Form):
    """The filters of the staff list, taken from the URL."""

    q = forms.CharField(label=_("Name"), required=False, max_length=150)
    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("All roles")), *Role.choices])
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("All accounts")),
            ("active", _("Active")),
            ("inactive", _("Inactive")),
            ("no-site", _("Without a site")),
        ],
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["q"].widget.attrs["class"] = "form-control"
        for name in ("role", "state"):
            self.fields[name].widget.attrs["class"] = "form-select"

    def values(self) -> dict[str, str]:
        """Return the valid filters; an unknown value filters nothing."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


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
