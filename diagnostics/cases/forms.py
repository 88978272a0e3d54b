"""Forms of the case pages: upload, RT-PCR result, override of the quality gate."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import PcrOutcome, Priority, View


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
