"""Forms of the list of cases: search, bulk actions, export and saved views."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import User
from diagnostics.cases.models import Priority
from diagnostics.review.worklist_query import MAX_SEARCH_LENGTH

MAX_SELECTED: Final = 50  # cases: one page of the list
ASSIGN, END_CLAIMS, RETRY, WITHDRAW = "assign", "end-claims", "retry", "withdraw"


class SelectedCasesForm(forms.Form):
    """Cases selected in the list."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self._submitted = data

    def clean(self) -> dict[str, Any]:
        """Add `case`, the selected ids; the view looks them up among the visible cases."""
        try:
            selected = [UUID(text) for text in self._submitted.getlist("case")[:MAX_SELECTED]]
        except ValueError as error:
            raise forms.ValidationError(_("These cases are unknown.")) from error
        if not selected:
            raise forms.ValidationError(_("Please select at least one case first."))
        return self.cleaned_data | {"case": selected}

    @property
    def error_text(self) -> str:
        """Return all errors as one text."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class BulkActionForm(SelectedCasesForm):
    """Cases selected in the list, and the action to apply to them."""

    action = forms.ChoiceField(
        choices=[
            *Priority.choices,
            (ASSIGN, _("assign")),
            (END_CLAIMS, _("end claims")),
            (RETRY, _("run AI again")),
            (WITHDRAW, _("withdraw")),
        ]
    )
    reason = forms.CharField(required=False, max_length=200)  # of a withdrawal
    to = forms.ModelChoiceField(queryset=User.objects.none(), required=False, to_field_name="username")

    def __init__(self, data: QueryDict, *, readers: QuerySet[User]) -> None:
        super().__init__(data)
        cast(forms.ModelChoiceField, self.fields["to"]).queryset = readers


class SearchForm(forms.Form):
    """The text of a search; it is posted, because names and references may not be part of a URL."""

    text = forms.CharField(required=False, max_length=MAX_SEARCH_LENGTH)

    @property
    def text_to_find(self) -> str:
        """Return the text; empty for one that is too long or not printable."""
        text = self.cleaned_data.get("text", "") if self.is_valid() else ""
        return text if text.isprintable() else ""


class ViewForm(forms.Form):
    """The name of a saved view."""

    name = forms.CharField(max_length=40)
