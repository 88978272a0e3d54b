"""The size of a data set by part and finding, as a table."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.findings import Finding
from diagnostics.registry.presenters.metrics import Json, finding_label


@dataclass(frozen=True)
class PartRow:
    """The training, validation or test set."""

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class DataSetTable:
    """Radiographs and patients by part and finding."""

    findings: tuple[str, ...]
    rows: tuple[PartRow, ...]
    exclusions: tuple[str, ...]


def data_set_table(counts: Json) -> DataSetTable | None:
    """Return counts of the form part -> class -> {cases, patients} as a table; None without counts."""
    labels = {"train": _("Training set"), "validation": _("Validation set"), "test": _("Test set")}
    parts = {name: counts[name] for name in labels if name in counts}
    if not parts:
        return None
    classes = [value for value in Finding.values if any(value in part for part in parts.values())]
    return DataSetTable(
        findings=tuple(map(finding_label, classes)),
        rows=tuple(
            PartRow(labels[name], tuple(_cell(part.get(label)) for label in classes))
            for name, part in parts.items()
        ),
        exclusions=tuple(
            _exclusion(reason, count["cases"])
            for reason, count in counts.get("excluded", {}).items()
            if count["cases"]
        ),
    )


def _exclusion(reason: str, radiographs: int) -> str:
    reasons = {
        "radiograph_missing": _("the stored radiograph is missing"),
        "conflicting_labels": _("two collections disagree on the finding, and no reading is signed"),
        "damaged": _("the stored radiograph is damaged"),
    }
    text = ngettext(
        "%(n)d radiograph excluded: %(reason)s", "%(n)d radiographs excluded: %(reason)s", radiographs
    )
    return text % {"n": radiographs, "reason": reasons.get(reason, reason)}


def _cell(count: Json | None) -> str:
    return f"{count['cases']} ({count['patients']})" if count else "0"
