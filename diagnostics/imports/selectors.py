"""Queries of imports and of the findings that came with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.findings import Finding
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel


@dataclass(frozen=True)
class FindingCount:
    """The number of radiographs and patients of an import with one finding."""

    finding: str
    radiographs: int
    patients: int

    @property
    def label(self) -> str:
        return str(Finding(self.finding).label)


def visible_to(user: User) -> QuerySet[Import]:
    """Return the imports of the sites where the user works."""
    return Import.objects.filter(site__in=user.sites.all()).select_related("requested_by", "site")


def pending_files(import_job: Import) -> QuerySet[ImportedFile]:
    """Return the radiographs that are not imported yet."""
    return ImportedFile.objects.filter(import_job=import_job, status=FileStatus.PENDING)


def unusable_files(import_job: Import) -> QuerySet[ImportedFile]:
    """Return the radiographs that could not be imported, in the order of the collection."""
    unusable = ImportedFile.objects.filter(import_job=import_job, status=FileStatus.UNUSABLE)
    return unusable.order_by("position")


def file_counts(import_job: Import) -> dict[str, int]:
    """Count the radiographs of an import by status; every status has an entry."""
    rows = import_job.files.order_by().values_list("status").annotate(n=Count("pk"))
    return dict.fromkeys(FileStatus.values, 0) | dict(rows)


def finding_counts(import_job: Import) -> list[FindingCount]:
    """Count the radiographs and patients of an import by finding."""
    rows = (
        import_job.files.order_by()
        .values_list("finding")
        .annotate(radiographs=Count("pk"), patients=Count("patient_ref", distinct=True))
    )
    counts = {finding: (radiographs, patients) for finding, radiographs, patients in rows}
    return [FindingCount(value, *counts[value]) for value in Finding.values if value in counts]


def consistent_labels() -> QuerySet[ImportedLabel]:
    """Return one label of each case whose imported labels all have the same finding."""
    first = ImportedLabel.objects.filter(case=OuterRef("case")).order_by("imported_at", "pk").values("pk")[:1]
    contradicted = ImportedLabel.objects.filter(case=OuterRef("case")).exclude(finding=OuterRef("finding"))
    return (
        ImportedLabel.objects.filter(pk=Subquery(first))
        .exclude(Exists(contradicted))
        .select_related("case__radiograph")
        .order_by("pk")
    )


def cases_with_conflicting_labels() -> QuerySet[Case]:
    """Return the cases whose imported labels have different findings."""
    conflicting = ImportedLabel.objects.filter(case=OuterRef("pk")).filter(
        Exists(ImportedLabel.objects.filter(case=OuterRef("case")).exclude(finding=OuterRef("finding")))
    )
    return Case.objects.filter(Exists(conflicting))


def image_sources() -> dict[UUID, str]:
    """Map each case that an import opened to where its radiograph was made, if the collection states it."""
    opened = ImportedLabel.objects.filter(opened_case=True)
    return dict(opened.values_list("case", F("source")))


def all_labels() -> Iterator[ImportedLabel]:
    """Iterate over all imported labels with their radiographs."""
    return ImportedLabel.objects.select_related("case__radiograph").iterator()
