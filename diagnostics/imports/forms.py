"""The shape of what people send about imports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from diagnostics.imports import staging
from diagnostics.imports.options import LONGEST_NAME, ImportOptions, tidy
from diagnostics.imports.scan import MOST_RADIOGRAPHS

CONTROL = {"class": "form-control"}
SELECT = {"class": "form-select"}


class ScanForm(forms.Form):
    """Which collection to look through: one on the server, or an uploaded ZIP."""

    choice = forms.ChoiceField(
        label=_("On the server"),
        required=False,
        widget=forms.Select(attrs=SELECT),
        help_text=_("Folders, tables (CSV) and ZIPs in the server's folder for imports."),
    )
    upload = forms.FileField(
        label=_("Or a ZIP from here"),
        required=False,
        widget=forms.FileInput(attrs=CONTROL | {"accept": ".zip,application/zip"}),
        help_text=_("Up to 2 GB. Larger ones go into the server's folder."),
    )
    name = forms.CharField(
        label=_("Name of the collection"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs=CONTROL | {"autocomplete": "off"}),
        help_text=_("For one that is not a public one. Empty: as its folder is called."),
    )
    label_source = forms.CharField(
        label=_("Who gave the findings"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs=CONTROL),
    )
    cohen = forms.ChoiceField(
        label=_("Cohen's collection lies in"),
        required=False,
        widget=forms.Select(attrs=SELECT),
        help_text=_("It knows the patients of DarkCovidNet's COVID-19 radiographs."),
    )
    limit = forms.IntegerField(
        label=_("Only so many radiographs"),
        required=False,
        min_value=1,
        max_value=MOST_RADIOGRAPHS,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text=_("Of every finding alike. Empty: all."),
    )
    all_views = forms.BooleanField(
        label=_("Lateral radiographs too, and those whose view is not given"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        there = [(name, name) for name in staging.available_collections()]
        for field in ("choice", "cohen"):
            self.fields[field].choices = [("", "-"), *there]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Want exactly one collection."""
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("choice")) == bool(cleaned.get("upload")):
            raise forms.ValidationError(_("Choose a collection on the server, or a ZIP from here."))
        return cleaned

    def wishes(self) -> ImportOptions:
        """Return what was wished beside the collection itself."""
        return ImportOptions(
            name=tidy(self.cleaned_data["name"]),
            label_source=tidy(self.cleaned_data["label_source"], 200),
            all_views=self.cleaned_data["all_views"],
            limit=self.cleaned_data["limit"] or 0,
        )

    def upload_sent(self) -> UploadedFile | None:
        """Return the ZIP, if one was sent."""
        return self.cleaned_data["upload"]
