"""What the record may be narrowed by."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.audit.models import Action


class EventFilter(forms.Form):
    """The filters of the page, as they stand in its address."""

    action = forms.ChoiceField(
        label=_("What"), required=False, choices=[("", _("Everything")), *Action.choices]
    )
    who = forms.CharField(label=_("Who"), required=False, max_length=150)
    target = forms.CharField(label=_("Id of a case, run or version"), required=False, max_length=40)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"
        self.fields["who"].widget.attrs["placeholder"] = _("a user name, or machine")
        self.fields["action"].widget.attrs["class"] = "form-select"
