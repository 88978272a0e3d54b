"""Training labels: findings of signed readings, and imported findings of cases without a reading.

Each case has at most one label. Any signed reading takes precedence over the imported labels of its case,
even a reading that is excluded from training. A case with conflicting imported labels is excluded until a
reading is signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case
from diagnostics.findings import TRAINABLE_FINDINGS
from diagnostics.imports import selectors as imports
from diagnostics.imports.models import ImportedLabel
from diagnostics.review.models import Reading
from diagnostics.review.selectors import training_labels
from diagnostics.training.snapshot import SnapshotEntry


def imported_labels() -> QuerySet[ImportedLabel]:
    """Return the imported labels for training: consistent ones of cases without a reading.

    Reference cases are excluded, because they measure the readers, and so are withdrawn cases and cases of a
    demonstration site.
    """
    trainable = imports.consistent_labels().filter(
        finding__in=TRAINABLE_FINDINGS, case__withdrawn_at=None, case__site__is_demonstration=False
    )
    consistent = trainable.exclude(_has_reading("case"))
    return consistent.exclude(training_labels.shows_reference_case("case"))


def labelled_radiographs() -> Iterator[SnapshotEntry]:
    """Yield every radiograph with a training label."""
    sources = imports.image_sources()
    signed = (_entry(reading, sources) for reading in training_labels.training_readings().iterator())
    return chain(signed, (_entry(label, sources) for label in imported_labels().iterator()))


def labelled_radiographs_of(labels: Collection[UUID]) -> Iterator[SnapshotEntry]:
    """Yield the radiographs of given readings and imported labels, including superseded ones."""
    # Iterates over all rows: a query cannot take that many ids.
    sources = imports.image_sources()
    readings = Reading.objects.standing().select_related("case__radiograph").iterator()
    everything: Iterator[Reading | ImportedLabel] = chain(readings, imports.all_labels())
    return (_entry(label, sources) for label in everything if label.pk in labels)


def conflicting_cases() -> dict[str, int]:
    """Count the cases without a reading whose imported labels conflict, and their patients."""
    unread = imports.cases_with_conflicting_labels().filter(withdrawn_at=None).exclude(_has_reading("pk"))
    return {"cases": unread.count(), "patients": unread.values("site", "patient_ref").distinct().count()}


def _has_reading(case: str) -> Exists:
    return Exists(Reading.objects.standing().filter(case=OuterRef(case)))


def _entry(label: Reading | ImportedLabel, sources: dict[UUID, str]) -> SnapshotEntry:
    case: Case = label.case
    radiograph = case.radiograph
    return SnapshotEntry(
        label=label.pk,
        case=case.pk,
        imported=isinstance(label, ImportedLabel),
        finding=label.finding,
        path=cases.radiograph_path(radiograph),
        pixel_sha256=radiograph.pixel_sha256,
        site=case.site_id,
        patient_ref=case.patient_ref,
        source=sources.get(case.pk, str(case.site_id)),
        view=radiograph.view,
        file_tags=(
            radiograph.source_format,
            str(radiograph.bits),
            "colour" if radiograph.colour else "grey",
            radiograph.device,
        ),
    )
