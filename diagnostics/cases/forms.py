"""Forms of the case pages: upload, RT-PCR result, override of the quality gate."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import CorrectionKind, PcrOutcome, Priority, View


class RadiographsInput(forms.ClearableFileInput):
    """A file control that takes many files."""

    allow_multiple_selected = True


class RadiographsField(forms.FileField):
    """One or more files, in the order in which they were chosen."""

    widget = RadiographsInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Return the files, each validated alone; admission refuses an empty file with its error code."""
        files = data if isinstance(data, list | tuple) else [data]
        return [super(RadiographsField, self).clean(file, initial) for file in files or [None]]


class OverrideForm(forms.Form):
    """Why a radiograph is scored in spite of the quality gate."""

    reason = forms.CharField(
        label=_("Reason"), widget=forms.TextInput(attrs={"class": "form-control", "maxlength": 200})
    )


class UploadForm(forms.Form):
    """Radiographs and the fields that apply to each of them."""

    radiographs = RadiographsField(
        label=_("Radiographs"),
        allow_empty_file=True,
        error_messages={"required": _("Please choose at least one radiograph.")},
        widget=RadiographsInput(
            attrs={"class": "form-control", "accept": ".png,.jpg,.jpeg,.dcm,image/*,application/dicom"}
        ),
    )
    patient_ref = forms.CharField(
        label=_("Patient reference"),
        max_length=64,
        error_messages={"required": _("Please enter the patient reference.")},
        widget=forms.TextInput(attrs={"class": "form-control rr-mono", "autocomplete": "off"}),
    )
    accession_number = forms.CharField(
        label=_("Accession number"),
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control rr-mono", "autocomplete": "off"}),
    )
    view = forms.ChoiceField(
        label=_("View"),
        required=False,
        choices=[("", _("From the file")), *((v.value, v.label) for v in View if v.value)],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    priority = forms.ChoiceField(
        label=_("Priority"),
        choices=Priority.choices,
        initial=Priority.ROUTINE,
        widget=forms.Select(attrs={"class": "form-select"}),
    )


class PcrForm(forms.Form):
    """A new RT-PCR result."""

    result = forms.ChoiceField(
        label=_("RT-PCR"),
        choices=[("", _("Please choose")), *PcrOutcome.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    taken_on = forms.DateField(
        label=_("Sample taken on"),
        required=False,
        widget=forms.DateInput(attrs={"class": "form-control", "type": "date"}),
    )


TEXT = {"class": "form-control rr-mono", "autocomplete": "off"}


class CorrectionForm(forms.Form):
    """One correction of a case: its kind, the right value where it has one, and the reason."""

    reason = forms.CharField(
        label=_("Reason"), widget=forms.TextInput(attrs={"class": "form-control", "maxlength": 200})
    )

    def __init__(self, data: QueryDict | None = None, *, kind: str) -> None:
        super().__init__(data, auto_id=f"id_{kind}_%s")
        self.kind = kind
        value = _value_field(kind)
        fields = {"kind": forms.CharField(widget=forms.HiddenInput, initial=kind)}
        self.fields = fields | ({"value": value} if value else {}) | self.fields

    def correction(self) -> dict[str, str]:
        """Return kind, value and reason of a valid form."""
        return {"value": ""} | self.cleaned_data


def _value_field(kind: str) -> forms.Field | None:
    if kind in (CorrectionKind.PATIENT, CorrectionKind.MERGE):
        return forms.CharField(label=_("Right reference"), max_length=64, widget=forms.TextInput(attrs=TEXT))
    if kind == CorrectionKind.ACCESSION:
        widget = forms.TextInput(attrs=TEXT)
        return forms.CharField(label=_("Right number"), max_length=64, required=False, widget=widget)
    if kind == CorrectionKind.VIEW:
        choices = [("", _("Choose a view")), *((v.value, v.label) for v in View if v.value)]
        select = forms.Select(attrs={"class": "form-select"})
        return forms.ChoiceField(label=_("Right view"), choices=choices, widget=select)
    if kind == CorrectionKind.STUDY_DATE:
        widget = forms.DateTimeInput(attrs={"class": "form-control", "type": "datetime-local"})
        return forms.CharField(label=_("Right date"), widget=widget)
    return None
