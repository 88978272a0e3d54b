"""Forms that sign and amend a reading."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.findings import Finding
from diagnostics.review.forms.structured_note import (
    ChoiceGroup,
    StructuredNoteField,
    choice_groups,
    note_for,
)
from diagnostics.review.models import MAX_NOTE_LENGTH, Confidence, Reading

TEXT = {"rows": 2, "class": "form-control"}


class ReadingForm(forms.Form):
    """A finding, the reader's confidence and a note. Neither finding nor confidence is preselected."""

    finding = forms.ChoiceField(
        label=_("Finding"),
        choices=Finding.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose a finding first.")},
    )
    confidence = forms.ChoiceField(
        label=_("Confidence"),
        choices=Confidence.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose how sure you are.")},
    )
    note = forms.CharField(
        label=_("Note"), required=False, max_length=MAX_NOTE_LENGTH, widget=forms.Textarea(attrs=TEXT)
    )

    structured = StructuredNoteField()

    def clean(self) -> dict[str, Any]:
        """Keep the choices of the structured note that belong to the chosen finding."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["structured"] = note_for(cleaned.get("finding", ""), cleaned.get("structured") or {})
        return cleaned

    @property
    def note_groups(self) -> list[ChoiceGroup]:
        """Return the choices of the structured note; none is preselected."""
        return choice_groups(self["structured"].value() or {})

    @property
    def values(self) -> dict[str, Any]:
        """Return the cleaned values as keyword arguments of the services."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reading"}


class AmendForm(ReadingForm):
    """A reading that supersedes the reader's own, and the reason."""

    reading = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason for the change"),
        max_length=MAX_NOTE_LENGTH,
        widget=forms.Textarea(attrs=TEXT),
        error_messages={"required": _("Please give the reason for the amendment.")},
    )

    @classmethod
    def of(cls, reading: Reading) -> AmendForm:
        """Return the form for a reading; it contains the note, and no finding or confidence."""
        return cls(initial={"note": reading.note, "reading": reading.pk})
