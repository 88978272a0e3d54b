"""Forms of promotions."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.registry.services import MIN_REASON_LENGTH


class ReasonForm(forms.Form):
    """The reason for a change of the active version."""

    reason = forms.CharField(
        label=_("Reason"),
        min_length=MIN_REASON_LENGTH,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"}),
        help_text=_("At least 10 characters. Stored permanently in the deployment history."),
    )


class PromoteForm(ReasonForm):
    """A promotion, with the override that a rejected version needs."""

    override = forms.BooleanField(
        label=_("Promote although the promotion gate rejected this version"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
