"""The form that resolves an identity conflict."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ResolveForm(forms.Form):
    """Which value is right, and why; nothing is preselected."""

    resolution = forms.ChoiceField(
        label=_("Resolution"),
        choices=[("", _("Choose what is right"))],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    reason = forms.CharField(
        label=_("Reason"), widget=forms.TextInput(attrs={"class": "form-control", "maxlength": 200})
    )

    def __init__(self, *, choices: list[tuple[str, str]], key: str) -> None:
        super().__init__(auto_id=f"id_{key}_%s")
        resolution = self.fields["resolution"]
        assert isinstance(resolution, forms.ChoiceField)
        resolution.choices = [("", _("Choose what is right")), *choices]
