"""Forms of patient data and retention rules."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site, User
from diagnostics.privacy.models import RetentionRule

MAX_REFERENCE: Final = 64  # characters, as in the table of cases
MAX_REASON: Final = 300
MOST_YEARS: Final = 200


class PatientForm(forms.Form):
    """A site of the administrator and the reference of one of its patients."""

    site = forms.ModelChoiceField(label=_("Site"), queryset=Site.objects.none(), empty_label=None)
    reference = forms.CharField(label=_("Patient reference"), max_length=MAX_REFERENCE)

    def __init__(self, by: User, *args: Any) -> None:
        super().__init__(*args)
        site = self.fields["site"]
        assert isinstance(site, forms.ModelChoiceField)
        site.queryset = by.sites.all()
        site.widget.attrs["class"] = "form-select"
        self.fields["reference"].widget.attrs |= {"class": "form-control", "autocomplete": "off"}

    def patient(self) -> dict[str, Any]:
        """Return site and reference as the services take them."""
        return {"site": self.cleaned_data["site"], "patient_ref": self.cleaned_data["reference"]}


class EraseForm(PatientForm):
    """The patient, why the data are erased, and the reference typed again."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON,
        help_text=_("Kept in the record of the erasure. It must not name the patient."),
    )
    confirmation = forms.CharField(
        label=_("Type the patient reference again to erase everything listed above"),
        max_length=MAX_REFERENCE,
    )

    def __init__(self, by: User, *args: Any) -> None:
        super().__init__(by, *args)
        for name in ("reason", "confirmation"):
            self.fields[name].widget.attrs |= {"class": "form-control", "autocomplete": "off"}

    def clean(self) -> dict[str, Any]:
        """Reject another reference than that of the patient, and a reason that contains it."""
        data = self.cleaned_data
        reference = data.get("reference", "")
        if data.get("confirmation") not in (None, reference):
            self.add_error("confirmation", _("This is not the reference of the patient. Nothing was erased."))
        if reference and reference in data.get("reason", ""):
            self.add_error("reason", _("The reason names the patient. Describe it without the reference."))
        return data


class RetentionForm(forms.Form):
    """For how many years a site keeps its data; empty means without limit."""

    case_years = forms.IntegerField(
        label=_("Keep cases for (years)"),
        required=False,
        min_value=1,
        max_value=MOST_YEARS,
        help_text=_("Cases with everything that belongs to them. Empty: without limit."),
    )
    replaced_prediction_years = forms.IntegerField(
        label=_("Keep replaced AI results for (years)"),
        required=False,
        min_value=1,
        max_value=MOST_YEARS,
        help_text=_(
            "Results that a newer one has replaced and that no reader has seen. Empty: without limit."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"

    @classmethod
    def of(cls, rule: RetentionRule | None, site: Site) -> RetentionForm:
        """Return the form of a site, filled with its rule."""
        names = ("case_years", "replaced_prediction_years")
        initial = {name: getattr(rule, name) for name in names} if rule else {}
        return cls(initial=initial, prefix=str(site.pk))
