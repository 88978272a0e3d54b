"""Forms of training."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from diagnostics.training.models import Schedule, TrainingRun
from diagnostics.training.policy import MAX_BATCH_SIZE, MAX_EPOCHS, Parameters, Recipe
from diagnostics.training.services.schedule import MAX_FINDINGS, ScheduleValues

CONTROL = {"class": "form-control"}
SELECT = {"class": "form-select"}
NO_RUNS: QuerySet[TrainingRun] = TrainingRun.objects.none()


class StartForm(forms.Form):
    """The parameters of the next run; an empty field has the recipe's default."""

    recipe = forms.ChoiceField(
        label=_("Recipe"),
        choices=Recipe.choices,
        initial=Recipe.FINE_TUNE,
        widget=forms.Select(attrs=SELECT),
    )
    epochs = forms.IntegerField(
        label=_("Epochs"),
        required=False,
        min_value=1,
        max_value=MAX_EPOCHS,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text=_("Passes over the training set, 1 to 100. Default: set by the recipe."),
    )
    batch_size = forms.IntegerField(
        label=_("Batch size"),
        required=False,
        min_value=1,
        max_value=MAX_BATCH_SIZE,
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
        help_text=_("The same seed, radiographs and hardware give the same network."),
    )

    leak_reason = forms.CharField(
        label=_("Reason to train in spite of leaks or shortcuts"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs=CONTROL | {"rows": 2}),
        help_text=_("Empty: the checks before the training stop the run when they find one."),
    )

    @property
    def more_settings_invalid(self) -> bool:
        """Return whether a field of the folded section has errors."""
        return any(name in self.errors for name in ("batch_size", "learning_rate", "seed", "leak_reason"))

    def parameters(self) -> Parameters:
        """Return the parameters of a valid form; raises InvalidParameters."""
        values = dict(self.cleaned_data)
        values.pop("leak_reason")
        return Parameters.of(**values)


class RunChoice(forms.ModelChoiceField):
    """A choice among runs by number, recipe and candidate."""

    def label_from_instance(self, run: TrainingRun) -> str:
        """Return the name of a run in the list."""
        parts = [str(run.parameters.get("recipe", "")), str(run.candidate or run.get_status_display())]
        return gettext("Run %(number)d: %(details)s") % {"number": run.number, "details": ", ".join(parts)}


class CompareForm(forms.Form):
    """Two runs."""

    a = RunChoice(
        label=_("First run"), queryset=TrainingRun.objects.none(), widget=forms.Select(attrs=SELECT)
    )
    b = RunChoice(
        label=_("Second run"), queryset=TrainingRun.objects.none(), widget=forms.Select(attrs=SELECT)
    )

    def __init__(self, *arguments: Any, runs: QuerySet[TrainingRun], **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in ("a", "b"):
            self.fields[name].queryset = runs  # type: ignore[attr-defined]


class ScheduleForm(forms.Form):
    """When scheduled training starts."""

    enabled = forms.BooleanField(
        label=_("Schedule training"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
    )
    every_days = forms.IntegerField(
        label=_("Interval in days"),
        min_value=1,
        max_value=365,
        widget=forms.NumberInput(attrs=CONTROL),
    )
    at_hour = forms.TypedChoiceField(
        label=_("Time"),
        coerce=int,
        choices=[(hour, f"{hour:02d}:00") for hour in range(24)],
        widget=forms.Select(attrs=SELECT),
    )
    minimum_new_readings = forms.IntegerField(
        label=_("Minimum number of new final findings"),
        min_value=1,
        max_value=MAX_FINDINGS,
        widget=forms.NumberInput(attrs=CONTROL),
    )
    recipe = forms.ChoiceField(
        label=_("Recipe"),
        choices=Recipe.choices,
        required=False,
        widget=forms.Select(attrs=SELECT),
    )
    after_findings = forms.IntegerField(
        label=_("Train after this many new final findings"),
        required=False,
        min_value=0,
        max_value=MAX_FINDINGS,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text=_("At any hour, also without the schedule. 0: not used. Imported ones are not counted."),
    )

    def values(self) -> ScheduleValues:
        """Return the values of a valid form."""
        chosen = dict(self.cleaned_data)
        chosen["recipe"] = chosen["recipe"] or Recipe.FINE_TUNE.value
        chosen["after_findings"] = chosen["after_findings"] or 0
        return ScheduleValues(**chosen)

    @classmethod
    def of(cls, schedule: Schedule, **options: Any) -> ScheduleForm:
        """Return the form with the current schedule as its initial values."""
        return cls(initial={name: getattr(schedule, name) for name in cls.base_fields}, **options)
