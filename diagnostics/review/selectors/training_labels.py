"""Training labels: the readings from which a model may be trained."""

from __future__ import annotations

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery

from diagnostics.findings import TRAINABLE_FINDINGS
from diagnostics.review.models import ConsensusStatus, Reading, ReadingKind, ReferenceCase
from diagnostics.review.selectors.readings import standing_readings


def training_readings() -> QuerySet[Reading]:
    """Return per final case the newest blind, never changed reading that equals the final finding.

    Readers see the AI result after their first signature. A finding changed since then may repeat the AI
    result, and training on it would reinforce the model's own predictions. A second opinion gives the label
    only where no other reading has the finding: its reader may have known those. Reference cases and
    withdrawn cases are excluded, and all readings at a demonstration site.
    """
    changed = (
        standing_readings()
        .filter(case=OuterRef("case"), by=OuterRef("by"))
        .exclude(finding=OuterRef("finding"))
    )
    blind = (
        standing_readings()
        .filter(
            supersedes=None,
            finding__in=TRAINABLE_FINDINGS,
            case__consensus__status=ConsensusStatus.FINAL,
            case__consensus__finding=F("finding"),
            case__copy_of=None,
            case__withdrawn_at=None,
            case__site__is_demonstration=False,
        )
        .exclude(Exists(changed))
        .exclude(shows_reference_case("case"))
    )
    is_opinion = ExpressionWrapper(Q(kind=ReadingKind.SECOND_OPINION), BooleanField())
    of_case = blind.filter(case=OuterRef("case"))
    newest = of_case.order_by(is_opinion.asc(), "-signed_at", "-pk").values("pk")[:1]
    return blind.filter(pk=Subquery(newest)).select_related("case", "case__radiograph").order_by("pk")


def shows_reference_case(case: str) -> Q:
    """Match rows whose `case` has the pixels of a reference case of any site.

    The few reference cases are selected once, not for every row.
    """
    pixels = ReferenceCase.objects.values("case__radiograph__pixel_sha256")
    return Q(**{f"{case}__radiograph__pixel_sha256__in": pixels})
