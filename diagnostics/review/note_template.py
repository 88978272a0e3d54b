"""Templates of structured notes: what a reader may describe of each finding, by choice instead of free text.

A structured note is {field: value} or {field: [values]}. It is stored with its reading and never changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from diagnostics.findings import Finding

StructuredNote = dict[str, Any]


@dataclass(frozen=True)
class Option:
    """One choice of a field, and its words in the sentence."""

    value: str
    label: Promise
    phrase: Promise


@dataclass(frozen=True)
class Field:
    """One question of a template."""

    name: str
    label: Promise
    options: tuple[Option, ...]
    is_multiple: bool
    findings: tuple[str, ...]  # the findings whose template contains the field

    def phrase(self, values: list[str]) -> str:
        """Return the words of the chosen values, in the order of the options."""
        return _listed([str(option.phrase) for option in self.options if option.value in values])


def _options(*options: tuple[str, Promise, Promise]) -> tuple[Option, ...]:
    return tuple(Option(*option) for option in options)


INFECTION: Final = (Finding.COVID_19.value, Finding.PNEUMONIA.value)
ABNORMAL: Final = (*INFECTION, Finding.OTHER.value)
FIELDS: Final = (
    Field(
        "opacity",
        _("Opacity"),
        _options(
            ("ground-glass", _("Ground-glass"), _("ground-glass opacity")),
            ("consolidation", _("Consolidation"), _("consolidation")),
            ("reticular", _("Reticular"), _("reticular opacity")),
            ("nodular", _("Nodular"), _("nodular opacity")),
        ),
        True,
        INFECTION,
    ),
    Field(
        "abnormality",
        _("Kind"),
        _options(
            ("effusion", _("Effusion"), _("pleural effusion")),
            ("pneumothorax", _("Pneumothorax"), _("pneumothorax")),
            ("atelectasis", _("Atelectasis"), _("atelectasis")),
            ("nodule", _("Nodule or mass"), _("nodule or mass")),
            ("cardiomegaly", _("Cardiomegaly"), _("cardiomegaly")),
            ("oedema", _("Oedema"), _("pulmonary oedema")),
        ),
        True,
        (Finding.OTHER.value,),
    ),
    Field(
        "laterality",
        _("Side"),
        _options(
            ("right", _("Right"), _("right")),
            ("left", _("Left"), _("left")),
            ("bilateral", _("Bilateral"), _("bilateral")),
        ),
        False,
        ABNORMAL,
    ),
    Field(
        "zones",
        _("Zones"),
        _options(
            ("upper", _("Upper"), _("upper zone")),
            ("middle", _("Middle"), _("middle zone")),
            ("lower", _("Lower"), _("lower zone")),
        ),
        True,
        ABNORMAL,
    ),
    Field(
        "extent",
        _("Extent"),
        _options(
            ("small", _("< 1/3"), _("less than a third of the lungs")),
            ("medium", _("1/3 - 2/3"), _("one to two thirds of the lungs")),
            ("large", _("> 2/3"), _("more than two thirds of the lungs")),
        ),
        False,
        INFECTION,
    ),
    Field(
        "limitation",
        _("Reason"),
        _options(
            ("rotation", _("Rotation"), _("rotated patient")),
            ("inspiration", _("Inspiration"), _("poor inspiration")),
            ("exposure", _("Exposure"), _("unsuitable exposure")),
            ("cut-off", _("Cut off"), _("part of the chest cut off")),
            ("artefact", _("Artefact"), _("artefact or overlying object")),
        ),
        True,
        (Finding.CANNOT_JUDGE.value,),
    ),
)
BY_NAME: Final = {field.name: field for field in FIELDS}


def fields_of(finding: str) -> list[Field]:
    """Return the fields of the template of a finding; a normal radiograph has none."""
    return [field for field in FIELDS if finding in field.findings]


def is_valid(note: object, finding: str) -> bool:
    """Return whether a structured note consists of fields and values of the template of its finding."""
    if not isinstance(note, Mapping):
        return False
    allowed = {field.name: field for field in fields_of(finding)}
    return all(name in allowed and _is_answer(allowed[name], value) for name, value in note.items())


def sentence(note: Mapping[str, Any]) -> str:
    """Return a structured note as one sentence; empty for an empty note."""
    phrases = [BY_NAME[name].phrase(values) for name, values in _answers(note)]
    return capfirst(", ".join(phrases)) + "." if phrases else ""


def codes(note: Mapping[str, Any]) -> str:
    """Return a structured note for tables, as in "opacity=ground-glass+reticular; laterality=left"."""
    return "; ".join(f"{name}={'+'.join(values)}" for name, values in _answers(note))


def _answers(note: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for field in FIELDS:
        if field.name in note:
            stored = note[field.name]
            yield field.name, list(stored) if field.is_multiple else [stored]


def _is_answer(field: Field, value: object) -> bool:
    known = {option.value for option in field.options}
    if not field.is_multiple:
        return isinstance(value, str) and value in known
    is_list = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return is_list and bool(value) and len(set(value)) == len(value) and known.issuperset(value)  # type: ignore[call-overload,arg-type]


def _listed(phrases: list[str]) -> str:
    *first, last = phrases
    return str(_("%(listed)s and %(last)s")) % {"listed": ", ".join(first), "last": last} if first else last
