"""The form field of a structured note: a group of choices for each field of the templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms

from diagnostics.review import note_template

PREFIX: Final = "structured-"  # of the names of the inputs


@dataclass(frozen=True)
class Choice:
    """One input of a group."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class ChoiceGroup:
    """The inputs of one field of the templates."""

    name: str
    label: str
    kind: str  # of the inputs: radio or checkbox
    findings: str  # for which the group is shown, separated by spaces
    choices: list[Choice]


class StructuredNoteInput(forms.Widget):
    """Reads the inputs of all groups; templates/review/_note_template.html draws them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, list[str]]:
        """Return the chosen values of each field."""
        values = {field.name: data.getlist(f"{PREFIX}{field.name}") for field in note_template.FIELDS}
        return {field: chosen for field, chosen in values.items() if chosen}


class StructuredNoteField(forms.Field):
    """The choices of a reader, as {field: [values]}."""

    widget = StructuredNoteInput

    def __init__(self) -> None:
        super().__init__(required=False)


def note_for(finding: str, chosen: Mapping[str, list[str]]) -> note_template.StructuredNote:
    """Return the structured note of a finding; choices made for another finding are left out."""
    return {
        field.name: chosen[field.name] if field.is_multiple else chosen[field.name][-1]
        for field in note_template.fields_of(finding)
        if field.name in chosen
    }


def choice_groups(chosen: Mapping[str, list[str]]) -> list[ChoiceGroup]:
    """Return the inputs of all templates with what is chosen."""
    return [
        ChoiceGroup(
            name=f"{PREFIX}{field.name}",
            label=str(field.label),
            kind="checkbox" if field.is_multiple else "radio",
            findings=" ".join(field.findings),
            choices=[
                Choice(option.value, str(option.label), option.value in chosen.get(field.name, ()))
                for option in field.options
            ],
        )
        for field in note_template.FIELDS
    ]
