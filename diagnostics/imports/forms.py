"""Forms of imports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from diagnostics.imports import staging
from diagnostics.imports.options import MAX_NAME_LENGTH, ImportOptions, printable_name
from diagnostics.imports.scan import MAX_RADIOGRAPHS

CONTROL = {"class": "form-control"}
SELECT = {"class": "form-select"}
MAX_LABEL_SOURCE_LENGTH = 200


class ScanForm(forms.Form):
    """The collection to scan: one on the server, or an uploaded ZIP."""

    choice = forms.ChoiceField(
        label=_("Collection on the server"),
        required=False,
        widget=forms.Select(attrs=SELECT),
        help_text=_("Folders, tables (CSV) and ZIP files in the server's import folder."),
    )
    upload = forms.FileField(
        label=_("Or upload a ZIP file"),
        required=False,
        widget=forms.FileInput(attrs=CONTROL | {"accept": ".zip,application/zip"}),
        help_text=_("Up to 2 GB. Copy a larger file to the server's import folder."),
    )
    name = forms.CharField(
        label=_("Name of the collection"),
        required=False,
        max_length=MAX_NAME_LENGTH,
        widget=forms.TextInput(attrs=CONTROL | {"autocomplete": "off"}),
        help_text=_("Only for a collection that is not a known public one. Default: the folder's name."),
    )
    label_source = forms.CharField(
        label=_("Source of the findings"),
        required=False,
        max_length=MAX_LABEL_SOURCE_LENGTH,
        widget=forms.TextInput(attrs=CONTROL),
    )
    cohen = forms.ChoiceField(
        label=_("Location of the Cohen collection"),
        required=False,
        widget=forms.Select(attrs=SELECT),
        help_text=_("It identifies the patients of the COVID-19 radiographs in DarkCovidNet."),
    )
    limit = forms.IntegerField(
        label=_("Maximum number of radiographs"),
        required=False,
        min_value=1,
        max_value=MAX_RADIOGRAPHS,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text=_("Balanced over the findings. Default: all."),
    )
    all_views = forms.BooleanField(
        label=_("Include lateral radiographs and those without a stated view"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        available = [(name, name) for name in staging.available_collections()]
        for field in ("choice", "cohen"):
            self.fields[field].choices = [("", "-"), *available]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Require exactly one collection."""
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("choice")) == bool(cleaned.get("upload")):
            raise forms.ValidationError(
                _("Select either a collection on the server or a ZIP file to upload.")
            )
        return cleaned

    @property
    def more_options_invalid(self) -> bool:
        """Return whether a field of the folded section has errors."""
        return any(name in self.errors for name in ("label_source", "cohen", "limit"))

    def import_options(self) -> ImportOptions:
        """Return the chosen options of a valid form."""
        return ImportOptions(
            name=printable_name(self.cleaned_data["name"]),
            label_source=printable_name(self.cleaned_data["label_source"], MAX_LABEL_SOURCE_LENGTH),
            all_views=self.cleaned_data["all_views"],
            limit=self.cleaned_data["limit"] or 0,
        )

    def uploaded_zip(self) -> UploadedFile | None:
        """Return the uploaded ZIP file, if any."""
        return self.cleaned_data["upload"]
