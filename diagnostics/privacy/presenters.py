"""What is stored about a patient, as rows and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.apps import apps
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.privacy.services.erasure import Extent


@dataclass(frozen=True)
class Count:
    """A kind of rows or files and its number."""

    label: str
    count: int


def counts(rows: Mapping[str, int]) -> list[Count]:
    """Return the numbers of rows by the name of their table."""
    return [
        Count(str(apps.get_model(model)._meta.verbose_name_plural), count) for model, count in rows.items()
    ]


def extent_counts(extent: Extent) -> list[Count]:
    """Return what an erasure would delete."""
    return [*counts(extent.rows), Count(_("files"), extent.files)]


def extent_notes(extent: Extent) -> list[str]:
    """Return the sentences about training and about other cases."""
    notes = [
        _named(_("Training runs that used the radiographs: %(names)s."), "run ", extent.runs),
        _named(_("Model versions trained on them: %(names)s."), "v", extent.versions),
        _named(
            _("Training runs that may contain them, because their snapshot is missing: %(names)s."),
            "run ",
            extent.unreadable_runs,
        ),
    ]
    if extent.mentions:
        text = ngettext(
            "The note of %(n)d reading of another case contains the reference: a reader has to check it.",
            "The notes of %(n)d readings of other cases contain the reference: a reader has to check them.",
            extent.mentions,
        )
        notes.append(text % {"n": extent.mentions})
    return [note for note in notes if note]


def _named(text: str, prefix: str, numbers: tuple[int, ...]) -> str:
    return text % {"names": ", ".join(f"{prefix}{number}" for number in numbers)} if numbers else ""
