"""TODO: diagnostics.review.selectors.training_labels."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from diagnostics.findings import LEARNABLE
from diagnostics.review.models import ConsensusStatus, Reading, ReferenceCase


def training_readings() -> QuerySet[Reading]:
    """The readings to learn from: per final case the newest that agrees, was given blind and was kept.

    A reader sees the machine's answer after the first signature. A finding changed since then may be the
    machine's own and would teach it what it already says, so such a reading teaches nothing.
    """
    changed = Reading.objects.filter(case=OuterRef("case"), by=OuterRef("by")).exclude(
        finding=OuterRef("finding")
    )
    final = {"case__consensus__standing": ConsensusStatus.FINAL, "case__consensus__finding": F("finding")}
    blind = Reading.objects.filter(supersedes=None, finding__in=LEARNABLE, **final)
    blind = (
        blind.filter(case__copy_of=None).exclude(Exists(changed)).exclude(Exists(reference_cases_of("case")))
    )
    newest = blind.filter(case=OuterRef("case")).order_by("-signed_at", "-pk").values("pk")[:1]
    return blind.filter(pk=Subquery(newest)).select_related("case", "case__radiograph").order_by("pk")


def reference_cases_of(case: str) -> QuerySet[ReferenceCase]:
    """Find gold cases, whatever their site, with the pixels of an outer query's `case`; they never teach."""
    pixels = f"{case}__radiograph__pixel_sha256"
    return ReferenceCase.objects.filter(case__radiograph__pixel_sha256=OuterRef(pixels))
