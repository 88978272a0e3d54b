"""The form of the de-identification of a site."""

from __future__ import annotations

from typing import Any

from django import forms

from diagnostics.integrations.models import DeidentificationPolicy


class DeidentificationForm(forms.ModelForm[DeidentificationPolicy]):
    """What is removed from the files of a site."""

    class Meta:
        model = DeidentificationPolicy
        fields = ("at_reception", "shift_dates", "black_text")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-check-input"
