"""The filters of the audit log."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.audit.models import Action


class EventFilter(forms.Form):
    """Filters of the page, taken from its URL."""

    action = forms.ChoiceField(
        label=_("Action"), required=False, choices=[("", _("All actions")), *Action.choices]
    )
    who = forms.CharField(label=_("User"), required=False, max_length=150)
    target = forms.CharField(label=_("ID of a case, run or version"), required=False, max_length=40)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"
        self.fields["who"].widget.attrs["placeholder"] = _("user name or system")
        self.fields["action"].widget.attrs["class"] = "form-select"
