"""The form of cases to select."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django import forms

MOST: Final = 100


class CasesField(forms.TypedMultipleChoiceField):
    """Ids of cases, which the service checks."""

    def valid_value(self, value: object) -> bool:
        """Return whether a value is the id of a case."""
        try:
            return bool(UUID(str(value)))
        except ValueError:
            return False


class SelectForm(forms.Form):
    """Cases for the active-learning queue."""

    cases = CasesField(coerce=UUID)

    def clean_cases(self) -> list[UUID]:
        """Return the first cases up to the limit of one request."""
        return list(self.cleaned_data["cases"][:MOST])
