"""Forms of promotions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.registry import policy
from diagnostics.registry.policy import OperatingPointRequest
from diagnostics.registry.services import MIN_REASON_LENGTH

SHARE: Final = {"class": "form-control", "step": "any"}


class ReasonForm(forms.Form):
    """The reason for a change of the active version."""

    reason = forms.CharField(
        label=_("Reason"),
        min_length=MIN_REASON_LENGTH,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "form-control"}),
        help_text=_("At least 10 characters. Stored permanently in the deployment history."),
    )


class OperatingPointForm(forms.Form):
    """The operating point of a promotion; without a target the version keeps its own."""

    target = forms.ChoiceField(
        label=_("Operating point"),
        required=False,
        choices=[
            ("", _("thresholds of the version")),
            (policy.SENSITIVITY, _("lowest sensitivity")),
            (policy.SPECIFICITY, _("lowest specificity")),
            (policy.THRESHOLD, _("threshold")),
        ],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    value = forms.FloatField(
        label=_("Value"),
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs=SHARE),
        help_text=_("From 0 to 1, such as 0.95."),
    )
    prevalence = forms.FloatField(
        label=_("Prevalence at this site"),
        required=False,
        min_value=0,
        max_value=1,
        widget=forms.NumberInput(attrs=SHARE),
        help_text=_("From 0 to 1; for the predictive values."),
    )

    def clean(self) -> dict[str, Any]:
        """Require a value for a target."""
        fields = super().clean() or {}
        if fields.get("target") and fields.get("value") is None and "value" not in self.errors:
            self.add_error("value", _("Enter a value from 0 to 1."))
        return fields

    def point(self) -> OperatingPointRequest | None:
        """Return the request of a valid form; None for the version's own thresholds."""
        fields = self.cleaned_data
        if not fields["target"]:
            return None
        return OperatingPointRequest(fields["target"], fields["value"], fields["prevalence"])


class PromoteForm(ReasonForm):
    """A promotion; a version whose gate was not passed needs every acknowledgement."""

    acknowledged = forms.MultipleChoiceField(
        label=_("Promote in spite of"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, acknowledgements: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.MultipleChoiceField, self.fields["acknowledged"])
        field.choices = list(acknowledgements)

    def promotion(self) -> dict[str, Any]:
        """Return the arguments of `promote`."""
        acknowledged = self.cleaned_data["acknowledged"]
        return {
            "reason": self.cleaned_data["reason"],
            "override": bool(acknowledged),
            "acknowledged": acknowledged,
        }
