"""Forms of promotions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

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
