"""What may be known of imports and of the findings they brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery

from diagnostics.accounts.models import User
from diagnostics.base import OPEN
from diagnostics.cases.models import Case
from diagnostics.exchange.models import Ending, Import, ImportedFile, ImportedLabel
from diagnostics.findings import Finding


@dataclass(frozen=True)
class FindingCount:
    """How many films and patients of an import carry one finding."""

    finding: str
    films: int
    patients: int

    @property
    def label(self) -> str:
        return str(Finding(self.finding).label)


def visible_to(user: User) -> QuerySet[Import]:
    """Give the imports of the sites where this person works."""
    return Import.objects.filter(site__in=user.sites.all()).select_related("asked_by", "site")


def waiting(importing: Import) -> QuerySet[ImportedFile]:
    """Give the films that have not come in yet."""
    return ImportedFile.objects.filter(importing=importing, ending=Ending.WAITING)


def refused(importing: Import) -> QuerySet[ImportedFile]:
    """Give the films that could not be brought in."""
    return ImportedFile.objects.filter(importing=importing, ending=Ending.REFUSED).order_by("place")


def endings(importing: Import) -> dict[str, int]:
    """Count the films of an import by what became of them; every ending has an entry."""
    rows = importing.files.order_by().values_list("ending").annotate(n=Count("pk"))
    return dict.fromkeys(Ending.values, 0) | dict(rows)


def findings(importing: Import) -> list[FindingCount]:
    """Count films and patients by finding."""
    rows = (
        importing.files.order_by()
        .values_list("finding")
        .annotate(films=Count("pk"), patients=Count("patient_ref", distinct=True))
    )
    counted = {finding: (films, patients) for finding, films, patients in rows}
    return [FindingCount(value, *counted[value]) for value in Finding.values if value in counted]


def open_imports() -> bool:
    """Say whether any import waits or works now."""
    return Import.objects.filter(status__in=OPEN).exists()


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
    """Say of each case that an import opened where its film was made, as far as the collection tells."""
    opened = ImportedLabel.objects.filter(opened_case=True)
    return dict(opened.values_list("case", F("source")))


def labels() -> Iterator[ImportedLabel]:
    """Walk all imported labels with their films."""
    return ImportedLabel.objects.select_related("case__radiograph").iterator()


def counts_of_reasons(importing: Import) -> Counter[str]:
    """Count the refused films by why."""
    rows = refused(importing).order_by().values_list("code").annotate(n=Count("pk"))
    return Counter(dict(rows))


def _contradicted(case: str, finding: OuterRef) -> Exists:
    return Exists(ImportedLabel.objects.filter(case=OuterRef(case)).exclude(finding=finding))
