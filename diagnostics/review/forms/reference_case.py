"""Form that sets the reference standard of a case."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.review.models import REFERENCE_FINDINGS, ReferenceBasis, ReferenceCase

SELECT = forms.Select(attrs={"class": "form-select"})
NONE = ("", _("Please choose"))


class ReferenceCaseForm(forms.Form):
    """The reference finding of a case and its basis."""

    finding = forms.ChoiceField(
        label=_("Reference finding"),
        choices=[NONE, *REFERENCE_FINDINGS],
        widget=SELECT,
        error_messages={"required": _("Please choose the reference finding.")},
    )
    basis = forms.ChoiceField(
        label=_("Basis"),
        choices=[NONE, *ReferenceBasis.choices],
        widget=SELECT,
        error_messages={"required": _("Please choose how the finding is known.")},
    )

    @classmethod
    def of(cls, reference_case: ReferenceCase | None) -> ReferenceCaseForm:
        """Return the form filled with the current reference standard, if there is one."""
        if reference_case is None:
            return cls()
        return cls(initial={"finding": reference_case.finding, "basis": reference_case.basis})
