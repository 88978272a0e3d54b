"""What a reader writes on the reading page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.findings import Finding
from diagnostics.review.models import Confidence, Policy, Reading
from diagnostics.review.services import LONGEST_NOTE


class ReadingForm(forms.Form):
    """A finding, how sure, and a note."""

    finding = forms.ChoiceField(
        label=_("Finding"),
        choices=Finding.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose a finding first.")},
    )
    confidence = forms.ChoiceField(
        label=_("How sure"), choices=Confidence.choices, widget=forms.RadioSelect, initial=Confidence.SURE
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )

    @property
    def answer(self) -> dict[str, Any]:
        """Return what was chosen, as the services take it."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reading"}


class AmendForm(ReadingForm):
    """A new reading in the place of one's own, and why."""

    reading = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why does it change?"),
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
        error_messages={"required": _("Please say why the reading changes.")},
    )

    @classmethod
    def of(cls, reading: Reading) -> AmendForm:
        """Open the form with what stands now."""
        stands = {"finding": reading.finding, "confidence": reading.confidence, "note": reading.note}
        return cls(initial=stands | {"reading": reading.pk})


class PolicyForm(forms.Form):
    """How a site reads."""

    double_read_percent = forms.IntegerField(
        label=_("Of every 100 films, two readers read"),
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"class": "form-control"}),
        help_text=_(
            "Drawn for each film when its first reading is signed; neither reader knows. Where the two "
            "disagree, a third decides."
        ),
    )

    @classmethod
    def of(cls, policy: Policy) -> PolicyForm:
        """Open the form with what holds now."""
        return cls(initial={"double_read_percent": policy.double_read_percent})
