"""The shape of what people send about training."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.training.models import Schedule
from diagnostics.training.policy import LARGEST_BATCH, MOST_EPOCHS, Parameters, Preset

CONTROL = {"class": "form-control"}
SELECT = {"class": "form-select"}


class StartForm(forms.Form):
    """How the next run is to learn; what stays empty follows the recipe."""

    preset = forms.ChoiceField(
        label=_("Recipe"),
        choices=Preset.choices,
        initial=Preset.FINE_TUNE,
        widget=forms.Select(attrs=SELECT),
    )
    epochs = forms.IntegerField(
        label=_("Epochs"),
        required=False,
        min_value=1,
        max_value=MOST_EPOCHS,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text=_("Passes over the radiographs, 1 to 100. Empty: as the recipe says."),
    )
    batch_size = forms.IntegerField(
        label=_("Radiographs at a time"),
        required=False,
        min_value=1,
        max_value=LARGEST_BATCH,
        widget=forms.NumberInput(attrs=CONTROL),
    )
    learning_rate = forms.FloatField(
        label=_("Learning rate"),
        required=False,
        min_value=0.000001,
        max_value=1,
        widget=forms.NumberInput(attrs=CONTROL | {"step": "any"}),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text=_("The same seed, radiographs and machine give the same network."),
    )

    def parameters(self) -> Parameters:
        """Return what was chosen; raises a refusal a person may read."""
        return Parameters.of(**self.cleaned_data)


class ScheduleForm(forms.Form):
    """When training starts by itself."""

    enabled = forms.BooleanField(
        label=_("Train by itself"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    every_days = forms.IntegerField(
        label=_("Every so many days"),
        min_value=1,
        max_value=365,
        widget=forms.NumberInput(attrs=CONTROL),
    )
    at_hour = forms.TypedChoiceField(
        label=_("At"),
        coerce=int,
        choices=[(hour, f"{hour:02d}:00") for hour in range(24)],
        widget=forms.Select(attrs=SELECT),
    )
    minimum_new_readings = forms.IntegerField(
        label=_("New findings needed"),
        min_value=1,
        max_value=1_000_000,
        widget=forms.NumberInput(attrs=CONTROL),
    )

    @classmethod
    def of(cls, plan: Schedule, **options: Any) -> ScheduleForm:
        """Show what is set now."""
        return cls(initial={name: getattr(plan, name) for name in cls.base_fields}, **options)
