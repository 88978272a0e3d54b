"""Training labels: findings of signed readings, and imported findings of cases without a reading.

Each case has at most one label. Any signed reading takes precedence over the imported labels of its case,
even a reading that is excluded from training. A case with conflicting imported labels is excluded until a
reading is signed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from itertools import chain
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case
from diagnostics.findings import TRAINABLE_FINDINGS
from diagnostics.imports import selectors as imports
from diagnostics.imports.models import ImportedLabel
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Reading
from diagnostics.review.selectors import training_labels
from diagnostics.training.models import TrainingRun
from diagnostics.training.policy import ClassCount
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


def class_counts() -> tuple[ClassCount, ...]:
    """Count the cases and patients with a training label by finding."""
    radiographs: Counter[str] = Counter()
    patients: dict[str, set[tuple[UUID, str]]] = defaultdict(set)
    for labels in (training_labels.training_readings(), imported_labels()):
        rows = labels.order_by().values_list("finding", "case__site", "case__patient_ref")
        for finding, site, patient_ref, count in rows.annotate(cases=Count("pk")):
            radiographs[finding] += count
            patients[finding].add((site, patient_ref))
    return tuple(
        ClassCount(finding, radiographs[finding], len(patients[finding])) for finding in TRAINABLE_FINDINGS
    )


def label_ids() -> frozenset[UUID]:
    """Return the ids of all current training labels."""
    querysets = (training_labels.training_readings(), imported_labels())
    return frozenset(pk for labels in querysets for pk in labels.order_by().values_list("pk", flat=True))


def preview_counts() -> dict[str, Counter[str]]:
    """Count the current training labels by source, view and sex; the source of a reading is its site."""
    counts: dict[str, Counter[str]] = {"source": Counter(), "view": Counter(), "sex": Counter()}
    for labels, source in (
        (training_labels.training_readings(), "case__site__name"),
        (imported_labels(), "source"),
    ):
        columns = (source, "case__radiograph__view", "case__radiograph__sex")
        for *values, number in labels.order_by().values_list(*columns).annotate(cases=Count("pk")):
            for name, value in zip(counts, values, strict=True):
                counts[name][value] += number
    return counts


def conflicting_cases() -> dict[str, int]:
    """Count the cases without a reading whose imported labels conflict, and their patients."""
    unread = imports.cases_with_conflicting_labels().filter(withdrawn_at=None).exclude(_has_reading("pk"))
    return {"cases": unread.count(), "patients": unread.values("site", "patient_ref").distinct().count()}


def new_final_findings(*, since: TrainingRun | None = None) -> int:
    """Count the training labels signed here that became final after the start of a run.

    Without a run: after that of the last successful one. Imported labels are not counted.
    """
    last = since or TrainingRun.objects.filter(status=JobStatus.DONE).first()
    signed = training_labels.training_readings()
    if last is None:
        return signed.count()
    start = last.started_at or last.queued_at
    return signed.filter(Q(signed_at__gt=start) | Q(case__finalized_at__gt=start)).count()


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
