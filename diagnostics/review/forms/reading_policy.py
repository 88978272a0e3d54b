"""Form that edits the reading policy of a site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.utils.functional import Promise
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

GROUPS: Final = (
    (_("Double reading"), ("double_read_percent",)),
    (_("Control cases"), CONTROLS),
    (
        _("Worklist order and due times"),
        ("stat_minutes", "urgent_minutes", "routine_minutes", "triage_by_score"),
    ),
    (_("Active-learning queue"), ("has_active_learning_queue", *SHARES)),
    (_("Visibility of AI results"), ("technicians_see_predictions", "administrators_see_predictions")),
)


@dataclass(frozen=True)
class FieldGroup:
    """Some fields of the form under one heading; `key` is unique on the page."""

    key: str
    heading: Promise
    fields: list[forms.BoundField]


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
    stat_minutes = _minutes(
        _("STAT radiographs are due after (minutes)"),
        _("They are read first in any case, and count as late only after this time."),
    )
    urgent_minutes = _minutes(
        _("Urgent radiographs are due after (minutes)"),
        _("A later change applies to radiographs that are uploaded afterwards."),
    )
    routine_minutes = _minutes(
        _("Routine radiographs are due after (minutes)"),
        _("Radiographs are read in the order of their due time, STAT first."),
    )
    triage_by_score = _yes_no(
        _("Triage by AI score: serve radiographs that are not due yet by their COVID-19 score"),
        _(
            "STAT and overdue radiographs still come first, so no radiograph waits beyond the times above. "
            "The serving order then tells readers a little about the AI results."
        ),
    )
    has_active_learning_queue = _yes_no(
        _("Offer the active-learning queue to readers"),
        _("Adds a button to the worklist that serves the radiographs from which training gains most."),
    )
    uncertain_percent = _percent(
        _("Active learning: indeterminate AI results (percent)"),
        _("Of the radiographs of that queue, the share whose AI result cannot separate two findings."),
    )
    contradicted_percent = _percent(
        _("Active learning: first reading contradicts the AI result (percent)"),
        _("The share that a second reader reads because the first one differs from the AI result."),
    )
    novel_percent = _percent(
        _("Active learning: out of distribution (percent)"),
        _("The remainder is drawn at random; only those radiographs estimate model performance."),
    )
    technicians_see_predictions = _yes_no(
        _("Technicians see AI results before the final finding"),
        _("Without it, a technician sees the AI result of a case once its finding is final."),
    )
    administrators_see_predictions = _yes_no(
        _("Administrators see AI results before the final finding"),
        _("Readers never see the AI result of a case that they may still read blind, whatever is set here."),
    )

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

    @classmethod
    def labels(cls) -> dict[str, Any]:
        """Return the text of each field by its name."""
        return {name: field.label for name, field in cls.base_fields.items()}

    def groups(self) -> list[FieldGroup]:
        """Return the fields under their headings, in the order of the page."""
        return [
            FieldGroup(f"policy-{number}", heading, [self[name] for name in names])
            for number, (heading, names) in enumerate(GROUPS)
        ]

    @property
    def policy(self) -> dict[str, Any]:
        """Return the cleaned values of the reading policy."""
        return {name: self.cleaned_data[name] for name in POLICY_FIELDS}

    @property
    def site_rules(self) -> dict[str, Any]:
        """Return the cleaned values that are stored on the site."""
        return {name: self.cleaned_data[name] for name in SITE_FIELDS}


class SiteChoice(forms.Form):
    """The site of the page, taken from the URL."""

    site = forms.UUIDField(required=False)
