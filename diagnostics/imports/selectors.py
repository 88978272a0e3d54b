"""What may be known of imports and of the findings they brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.findings import Finding
from diagnostics.imports.models import FileStatus, Import, ImportedFile, ImportedLabel
from diagnostics.jobs.models import OPEN_STATUSES


@dataclass(frozen=True)
class FindingCount:
    """How many radiographs and patients of an import carry one finding."""

    finding: str
    radiographs: int
    patients: int

    @property
    def label(self) -> str:
        return str(Finding(self.finding).label)


def visible_to(user: User) -> QuerySet[Import]:
    """Give the imports of the sites where this person works."""
    return Import.objects.filter(site__in=user.sites.all()).select_related("requested_by", "site")


def waiting(importing: Import) -> QuerySet[ImportedFile]:
    """Give the radiographs that have not come in yet."""
    return ImportedFile.objects.filter(importing=importing, ending=FileStatus.WAITING)


def refused(importing: Import) -> QuerySet[ImportedFile]:
    """Give the radiographs that could not be brought in."""
    return ImportedFile.objects.filter(importing=importing, ending=FileStatus.REFUSED).order_by("place")


def endings(importing: Import) -> dict[str, int]:
    """Count the radiographs of an import by what became of them; every ending has an entry."""
    rows = importing.files.order_by().values_list("ending").annotate(n=Count("pk"))
    return dict.fromkeys(FileStatus.values, 0) | dict(rows)


def findings(importing: Import) -> list[FindingCount]:
    """Count radiographs and patients by finding."""
    rows = (
        importing.files.order_by()
        .values_list("finding")
        .annotate(radiographs=Count("pk"), patients=Count("patient_ref", distinct=True))
    )
    counted = {finding: (radiographs, patients) for finding, radiographs, patients in rows}
    return [FindingCount(value, *counted[value]) for value in Finding.values if value in counted]


def open_imports() -> bool:
    """Say whether any import waits or works now."""
    return Import.objects.filter(status__in=OPEN_STATUSES).exists()


def agreed() -> QuerySet[ImportedLabel]:
    """Give one label for each case whose imported labels all say the same."""
    first = ImportedLabel.objects.filter(case=OuterRef("case")).order_by("imported_at", "pk").values("pk")[:1]
    return (
        ImportedLabel.objects.filter(pk=Subquery(first))
        .exclude(_contradicted("case", OuterRef("finding")))
        .select_related("case__radiograph")
        .order_by("pk")
    )


def contradicting() -> QuerySet[Case]:
    """Give the cases whose imported labels do not all say the same."""
    two = ImportedLabel.objects.filter(case=OuterRef("pk")).filter(
        Exists(ImportedLabel.objects.filter(case=OuterRef("case")).exclude(finding=OuterRef("finding")))
    )
    return Case.objects.filter(Exists(two))


def sources() -> dict[UUID, str]:
    """Say of each case that an import opened where its radiograph was made, as far as the collection tells."""
    opened = ImportedLabel.objects.filter(opened_case=True)
    return dict(opened.values_list("case", F("source")))


def labels() -> Iterator[ImportedLabel]:
    """Walk all imported labels with their radiographs."""
    return ImportedLabel.objects.select_related("case__radiograph").iterator()


def counts_of_reasons(importing: Import) -> Counter[str]:
    """Count the refused radiographs by why."""
    rows = refused(importing).order_by().values_list("code").annotate(n=Count("pk"))
    return Counter(dict(rows))


def _contradicted(case: str, finding: OuterRef) -> Exists:
    return Exists(ImportedLabel.objects.filter(case=OuterRef(case)).exclude(finding=finding))
