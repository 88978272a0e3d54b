"""The shape of what people send about versions."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.registry.services import SHORTEST_REASON


class ReasonForm(forms.Form):
    """Why what is in force should change."""

    reason = forms.CharField(
        label=_("Reason"),
        min_length=SHORTEST_REASON,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"}),
        help_text=_("At least 10 characters. It stays in the history for ever."),
    )


class PromoteForm(ReasonForm):
    """A promotion, with the box that a version found worse needs."""

    override = forms.BooleanField(
        label=_("Promote it although it was found worse"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
