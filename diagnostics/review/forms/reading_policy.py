"""Form that edits the reading policy of a site."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from diagnostics.review.models import ReadingPolicy

MONTH: Final = 31 * 24 * 60  # minutes
NUMBER: Final = forms.NumberInput(attrs={"class": "form-control"})
CHECKBOX: Final = forms.CheckboxInput(attrs={"class": "form-check-input"})
SHARES: Final = ("uncertain_percent", "contradicted_percent", "novel_percent")
CONTROLS: Final = ("reference_percent", "repeat_percent")
POLICY_FIELDS: Final = (
    "double_read_percent",
    "triage_by_score",
    *CONTROLS,
    "has_active_learning_queue",
    *SHARES,
)
SITE_FIELDS: Final = (
    "stat_minutes",
    "urgent_minutes",
    "routine_minutes",
    "technicians_see_predictions",
    "administrators_see_predictions",
)


def _percent(label: Any, help_text: Any = "", *, most: int = 100) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=most, widget=NUMBER, help_text=help_text, initial=0
    )


def _minutes(label: Any, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=MONTH, widget=NUMBER, help_text=help_text)


def _yes_no(label: Any, help_text: Any = "") -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=CHECKBOX, help_text=help_text)


class PolicyForm(forms.Form):
    """The reading policy of a site and the reading rules stored on the site."""

    double_read_percent = _percent(
        _("Double-read radiographs (percent)"),
        _(
            "Drawn for each radiograph when its first reading is signed; neither reader is told. "
            "If the two readings disagree, a third reader adjudicates."
        ),
    )
    triage_by_score = _yes_no(
        _("Triage by AI score: serve radiographs that are not due yet by their COVID-19 score"),
        _(
            "STAT and overdue radiographs still come first, so no radiograph waits beyond the times below. "
            "The serving order then tells readers a little about the AI results."
        ),
    )
    reference_percent = _percent(
        _("Reference cases per 100 signed radiographs"),
        _("A control case looks like any other radiograph; its patient reference is generated."),
        most=50,
    )
    repeat_percent = _percent(
        _("Repeat cases per 100 signed radiographs"),
        _(
            "Radiographs that the reader read at least four weeks ago; they measure intra-reader agreement. "
            "5 is usual."
        ),
        most=50,
    )
    has_active_learning_queue = _yes_no(_("Offer the active-learning queue to readers"))
    uncertain_percent = _percent(_("Active learning: indeterminate AI results (percent)"))
    contradicted_percent = _percent(_("Active learning: first reading contradicts the AI result (percent)"))
    novel_percent = _percent(
        _("Active learning: out of distribution (percent)"),
        _("The remainder is drawn at random; only those radiographs estimate model performance."),
    )
    stat_minutes = _minutes(_("STAT radiographs are due after (minutes)"))
    urgent_minutes = _minutes(_("Urgent radiographs are due after (minutes)"))
    routine_minutes = _minutes(
        _("Routine radiographs are due after (minutes)"),
        _("Radiographs are read in the order of their due time, STAT first."),
    )
    technicians_see_predictions = _yes_no(_("Technicians see AI results before the final finding"))
    administrators_see_predictions = _yes_no(_("Administrators see AI results before the final finding"))

    @classmethod
    def of(cls, policy: ReadingPolicy) -> PolicyForm:
        """Return the form filled with the current policy."""
        site = {name: getattr(policy.site, name) for name in SITE_FIELDS}
        return cls(initial={**{name: getattr(policy, name) for name in POLICY_FIELDS}, **site})

    def clean(self) -> dict[str, Any]:
        """Reject active-learning shares of more than 100 percent in total."""
        data = self.cleaned_data
        if sum(data.get(name) or 0 for name in SHARES) > 100:
            raise forms.ValidationError(_("The active-learning shares add up to more than 100 percent."))
        return data

    @property
    def policy(self) -> dict[str, Any]:
        """Return the cleaned values of the reading policy."""
        return {name: self.cleaned_data[name] for name in POLICY_FIELDS}

    @property
    def site_rules(self) -> dict[str, Any]:
        """Return the cleaned values that are stored on the site."""
        return {name: self.cleaned_data[name] for name in SITE_FIELDS}
