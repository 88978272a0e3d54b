"""The findings to learn from: signed ones, and imported ones of cases that nobody has read.

A case teaches one finding at most. Any signed reading outweighs what an import said of the case, even one
that teaches nothing. Where two collections disagree, the radiograph waits for somebody to read it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet

from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case
from diagnostics.findings import LEARNABLE
from diagnostics.imports import selectors as exchange
from diagnostics.imports.models import ImportedLabel
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Reading
from diagnostics.review.selectors import training_labels
from diagnostics.training.models import TrainingRun
from diagnostics.training.policy import ClassCount
from diagnostics.training.snapshot import SnapshotEntry

CONFLICTING_LABELS: Final = "collections_disagree"  # why such radiographs take no part


def imported() -> QuerySet[ImportedLabel]:
    """Give the imported labels that teach: of unread cases of which all collections say the same.

    A gold case is none of them: it measures readers.
    """
    agreed = exchange.agreed().filter(finding__in=LEARNABLE).exclude(_is_read("case"))
    return agreed.exclude(Exists(training_labels.reference_cases_of("case")))


def labelled_radiographs() -> Iterator[SnapshotEntry]:
    """Give every radiograph with a finding that a network may be taught."""
    sources = exchange.sources()
    signed = (_radiograph(reading, sources) for reading in training_labels.training_readings().iterator())
    return chain(signed, (_radiograph(label, sources) for label in imported().iterator()))


def labelled_radiographs_of(labels: Collection[UUID]) -> Iterator[SnapshotEntry]:
    """Give the radiographs of certain readings and imported labels, also of those outweighed since."""
    # All are walked: a list of so many ids would be too long for a query.
    sources = exchange.sources()
    readings = Reading.objects.select_related("case__radiograph").iterator()
    everything: Iterator[Reading | ImportedLabel] = chain(readings, exchange.labels())
    return (_radiograph(label, sources) for label in everything if label.pk in labels)


def counts() -> tuple[ClassCount, ...]:
    """Count the cases and patients of each finding that a network may be taught."""
    labelled_radiographs: Counter[str] = Counter()
    patients: dict[str, set[tuple[UUID, str]]] = defaultdict(set)
    for labels in (training_labels.training_readings(), imported()):
        rows = labels.order_by().values_list("finding", "case__site", "case__patient_ref")
        for finding, site, patient_ref, count in rows.annotate(cases=Count("pk")):
            labelled_radiographs[finding] += count
            patients[finding].add((site, patient_ref))
    return tuple(
        ClassCount(finding, labelled_radiographs[finding], len(patients[finding])) for finding in LEARNABLE
    )


def conflicting() -> dict[str, int]:
    """Count the unread cases of which two collections say different things, and their patients."""
    unread = exchange.contradicting().exclude(_is_read("pk"))
    return {"cases": unread.count(), "patients": unread.values("site", "patient_ref").distinct().count()}


def new() -> int:
    """Count the findings signed or imported since the last run that came to a result."""
    last = TrainingRun.objects.filter(status=JobStatus.DONE).first()
    signed, brought = training_labels.training_readings(), imported()
    if last is not None and last.started_at is not None:
        signed = signed.filter(signed_at__gt=last.started_at)
        brought = brought.filter(imported_at__gt=last.started_at)
    return signed.count() + brought.count()


def _is_read(case: str) -> Exists:
    return Exists(Reading.objects.filter(case=OuterRef(case)))


def _radiograph(label: Reading | ImportedLabel, sources: dict[UUID, str]) -> SnapshotEntry:
    case: Case = label.case
    radiograph = case.radiograph
    return SnapshotEntry(
        label=label.pk,
        imported=isinstance(label, ImportedLabel),
        finding=label.finding,
        path=cases.radiograph_path(radiograph),
        pixel_sha256=radiograph.pixel_sha256,
        site=case.site_id,
        patient_ref=case.patient_ref,
        source=sources.get(case.pk, str(case.site_id)),
        view=radiograph.view,
    )
