"""What a reader writes on the reading page."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import User
from diagnostics.cases.models import Priority
from diagnostics.findings import Finding
from diagnostics.review.models import Confidence, Reading, ReadingPolicy, ReferenceBasis, ReferenceCase
from diagnostics.review.services.readings import MAX_NOTE_LENGTH

MOST_CHOSEN: Final = 50  # a page of the worklist
MONTH: Final = 31 * 24 * 60  # minutes
NUMBER = forms.NumberInput(attrs={"class": "form-control"})
BOX = forms.CheckboxInput(attrs={"class": "form-check-input"})
CHOICE = forms.Select(attrs={"class": "form-select"})
WHOLE: Final = 100
SHARES: Final = ("uncertain_percent", "contradicted_percent", "novel_percent")
KNOWN: Final = ("gold_percent", "repeat_percent")
POLICY: Final = ("double_read_percent", "triage_by_score", *KNOWN, "has_learning_queue", *SHARES)
SITE_RULES: Final = (
    "urgent_minutes",
    "routine_minutes",
    "technicians_see_predictions",
    "administrators_see_predictions",
)


class ReadingForm(forms.Form):
    """A finding, how sure, and a note."""

    finding = forms.ChoiceField(
        label=_("Finding"),
        choices=Finding.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please choose a finding first.")},
    )
    confidence = forms.ChoiceField(
        label=_("How sure"), choices=Confidence.choices, widget=forms.RadioSelect, initial=Confidence.SURE
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=MAX_NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )

    @property
    def answer(self) -> dict[str, Any]:
        """Return what was chosen, as the services take it."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reading"}


class AmendForm(ReadingForm):
    """A new reading in the place of one's own, and why."""

    reading = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why does it change?"),
        max_length=MAX_NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
        error_messages={"required": _("Please say why the reading changes.")},
    )

    @classmethod
    def of(cls, reading: Reading) -> AmendForm:
        """Open the form with what stands now."""
        stands = {"finding": reading.finding, "confidence": reading.confidence, "note": reading.note}
        return cls(initial=stands | {"reading": reading.pk})


def _share(label: Any, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=WHOLE, widget=NUMBER, help_text=help_text, initial=0
    )


class PolicyForm(forms.Form):
    """How a site reads."""

    double_read_percent = forms.IntegerField(
        label=_("Of every 100 radiographs, two readers read"),
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"class": "form-control"}),
        help_text=_(
            "Drawn for each radiograph when its first reading is signed; neither reader knows. Where the two "
            "disagree, a third decides."
        ),
    )
    triage_by_score = forms.BooleanField(
        label=_("Radiographs that are not due yet come by the machine's triage_score of COVID-19"),
        required=False,
        widget=BOX,
        help_text=_(
            "STAT and overdue radiographs still come first, so nobody waits longer than the minutes below. "
            "The order itself then tells readers a little of what the machine says."
        ),
    )
    gold_percent = forms.IntegerField(
        label=_("For every 100 radiographs signed, gold cases put among those that wait"),
        min_value=0,
        max_value=50,
        initial=0,
        widget=NUMBER,
        help_text=_(
            "A gold case looks like any other radiograph and is nobody's patient: its reference is made up."
        ),
    )
    repeat_percent = forms.IntegerField(
        label=_("For every 100 radiographs signed, radiographs the reader read four weeks ago or earlier"),
        min_value=0,
        max_value=50,
        initial=0,
        widget=NUMBER,
        help_text=_("5 are usual. They show how far a reader agrees with themselves."),
    )
    has_learning_queue = forms.BooleanField(
        label=_("Readers may also read what teaches the network most"), required=False, widget=BOX
    )
    uncertain_percent = _share(_("Of these, radiographs the machine cannot separate (percent)"))
    contradicted_percent = _share(_("Radiographs whose first reader contradicts the machine (percent)"))
    novel_percent = _share(
        _("Radiographs unlike those it learnt from (percent)"),
        _("What is left is drawn at random; these alone may say how good the machine is."),
    )
    urgent_minutes = forms.IntegerField(
        label=_("Minutes until an urgent radiograph is due"), min_value=1, max_value=MONTH, widget=NUMBER
    )
    routine_minutes = forms.IntegerField(
        label=_("Minutes until a routine radiograph is due"),
        min_value=1,
        max_value=MONTH,
        widget=NUMBER,
        help_text=_(
            "What is due first is read first, so that no radiograph waits for ever. STAT stands above all."
        ),
    )
    technicians_see_predictions = forms.BooleanField(
        label=_("Technicians see the machine's answer before a radiograph is read"),
        required=False,
        widget=BOX,
    )
    administrators_see_predictions = forms.BooleanField(
        label=_("Administrators see it before a radiograph is read"), required=False, widget=BOX
    )

    @classmethod
    def of(cls, policy: ReadingPolicy) -> PolicyForm:
        """Open the form with what holds now."""
        site = {name: getattr(policy.site, name) for name in SITE_RULES}
        return cls(initial={**{name: getattr(policy, name) for name in POLICY}, **site})

    def clean(self) -> dict[str, Any]:
        """Refuse shares of more than the whole."""
        given = self.cleaned_data
        if sum(given.get(name) or 0 for name in SHARES) > WHOLE:
            raise forms.ValidationError(
                _("The shares of the radiographs to learn from come to more than 100.")
            )
        return given


class SelectedCasesForm(forms.Form):
    """Radiographs chosen in the worklist."""

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self._sent = data

    def clean(self) -> dict[str, Any]:
        """Add the radiographs; only visible ones are found by their ids later."""
        try:
            chosen = [UUID(text) for text in self._sent.getlist("case")[:MOST_CHOSEN]]
        except ValueError as error:
            raise forms.ValidationError(_("These radiographs are not known.")) from error
        if not chosen:
            raise forms.ValidationError(_("Please choose at least one radiograph first."))
        return self.cleaned_data | {"case": chosen}


class BulkActionForm(SelectedCasesForm):
    """Radiographs chosen in the worklist, and what is to become of them."""

    act = forms.ChoiceField(
        choices=[
            *Priority.choices,
            ("assign", _("hand over")),
            ("free", _("free")),
            ("again", _("classify again")),
        ]
    )
    to = forms.ModelChoiceField(queryset=User.objects.none(), required=False, to_field_name="username")

    def __init__(self, data: QueryDict, *, readers: QuerySet[User]) -> None:
        super().__init__(data)
        cast(forms.ModelChoiceField, self.fields["to"]).queryset = readers


class ReferenceCaseForm(forms.Form):
    """What is known to be true of a radiograph, and how."""

    finding = forms.ChoiceField(
        label=_("What is true"),
        choices=[choice for choice in Finding.choices if choice[0] != Finding.CANNOT_JUDGE],
        widget=CHOICE,
    )
    basis = forms.ChoiceField(label=_("Known from"), choices=ReferenceBasis.choices, widget=CHOICE)

    @classmethod
    def of(cls, known: ReferenceCase | None) -> ReferenceCaseForm:
        """Open the form with what was said before."""
        return cls(initial={"finding": known.finding, "basis": known.basis} if known else None)


class ViewForm(forms.Form):
    """The name of a view."""

    name = forms.CharField(max_length=40)
