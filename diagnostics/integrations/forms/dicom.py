"""Forms of DICOM nodes and of a search."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site, User
from diagnostics.integrations.models import DicomNode

UID: Final = re.compile(r"[0-9.]{1,64}")
MAX_STUDIES: Final = 200
CONTROL: Final = {"class": "form-control", "autocomplete": "off"}


class NodeForm(forms.ModelForm[DicomNode]):
    """A node of one of the user's sites."""

    site = forms.ModelChoiceField(label=_("Site"), queryset=Site.objects.none(), empty_label=None)

    class Meta:
        model = DicomNode
        fields = (
            *("site", "name", "ae_title", "host", "port", "uses_tls", "may_send"),
            *("result_policy", "result_transport", "stow_url", "is_active"),
        )

    def __init__(self, by: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        site = self.fields["site"]
        assert isinstance(site, forms.ModelChoiceField)
        site.queryset = by.sites.all()
        for field in self.fields.values():
            if isinstance(field, forms.BooleanField):
                field.widget.attrs["class"] = "form-check-input"
            elif isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
                field.widget.attrs["class"] = "form-select"
            else:
                field.widget.attrs |= CONTROL
        if self.instance.pk and not self.instance._state.adding:
            site.disabled = True


class QueryForm(forms.Form):
    """What to search a node for."""

    node = forms.ModelChoiceField(label=_("Node"), queryset=DicomNode.objects.none(), empty_label=None)
    patient_id = forms.CharField(label=_("Patient ID"), max_length=64, required=False)
    patient_name = forms.CharField(
        label=_("Patient name"),
        max_length=64,
        required=False,
        help_text=_("Its beginning, as in Family^Given."),
    )
    accession_number = forms.CharField(label=_("Accession number"), max_length=16, required=False)
    since = forms.DateField(
        label=_("Study date from"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(label=_("to"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, by: User, *args: Any) -> None:
        super().__init__(*args)
        node = self.fields["node"]
        assert isinstance(node, forms.ModelChoiceField)
        node.queryset = DicomNode.objects.filter(site__in=by.sites.all(), is_active=True)
        for name, field in self.fields.items():
            field.widget.attrs |= {"class": "form-select"} if name == "node" else CONTROL

    def clean(self) -> dict[str, Any]:
        """Refuse a search for everything: it would list the patients of the whole hospital."""
        data = self.cleaned_data
        if not self.errors and not any(data.get(name) for name in self.fields if name != "node"):
            raise forms.ValidationError(_("Please enter at least one value to search for."))
        return data


class RetrieveForm(forms.Form):
    """The studies to retrieve from a node."""

    node = forms.UUIDField()
    priors = forms.BooleanField(required=False)
    study = forms.MultipleChoiceField(error_messages={"required": _("Please choose at least one study.")})

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        chosen = self.fields["study"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        uids = [uid for uid in data.getlist("study") if UID.fullmatch(uid)][:MAX_STUDIES]
        chosen.choices = [(uid, uid) for uid in uids]

    def problems(self) -> list[str]:
        """Return the texts of all errors."""
        return [str(text) for texts in self.errors.values() for text in texts]
