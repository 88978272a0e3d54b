"""Retention rules of a site, and the erasure of what is older."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case, Prediction, PredictionShown
from diagnostics.cases.selectors.predictions import IS_DONE
from diagnostics.integrations.models import ResultDelivery
from diagnostics.jobs.models import JobStatus
from diagnostics.privacy.errors import InvalidRetention
from diagnostics.privacy.models import Cause, Erasure, RetentionRule
from diagnostics.privacy.policy import years_before
from diagnostics.privacy.selectors import patients
from diagnostics.privacy.services import erasure
from diagnostics.privacy.services.access import require_privacy
from diagnostics.review.models import AssistedReading

BATCH: Final = 200  # cases of one transaction


@dataclass(frozen=True)
class Expired:
    """What a rule no longer keeps."""

    site: Site
    cases: int
    predictions: int  # replaced by a newer one, apart from those of the cases


def set_rule(
    *, site: Site, case_years: int | None, replaced_prediction_years: int | None, by: User, now: datetime
) -> RetentionRule:
    """Set for how many years a site keeps its data; None keeps them without limit.

    Raises NotAllowed, InvalidRetention.
    """
    require_privacy(by, site)
    years = {"case_years": case_years, "replaced_prediction_years": replaced_prediction_years}
    if any(number is not None and number < 1 for number in years.values()):
        raise InvalidRetention(_("A retention period is at least one year."))
    with transaction.atomic():
        changed = {"changed_by": by, "changed_at": now}
        rule, _created = RetentionRule.objects.update_or_create(site=site, defaults=years | changed)
        audit.record(action=Action.RETENTION_RULE_CHANGED, by=by, target=site, detail=years, now=now)
    return rule


def preview(*, now: datetime) -> list[Expired]:
    """Return what each rule no longer keeps."""
    rules = RetentionRule.objects.select_related("site")
    return [
        Expired(rule.site, _expired_cases(rule, now).count(), _expired_predictions(rule, now).count())
        for rule in rules
    ]


def apply(*, now: datetime) -> Iterator[Erasure]:
    """Erase what the rules no longer keep, a batch at a time; raises TrainingIsOpen."""
    erasure.finish_pending()
    for rule in RetentionRule.objects.select_related("site"):
        while batch := list(_expired_cases(rule, now).values_list("pk", flat=True)[:BATCH]):
            reason = _("older than %(years)d years") % {"years": rule.case_years or 0}
            yield erasure.erase_expired(cases=batch, site=rule.site, reason=reason, now=now)
        while predictions := list(_expired_predictions(rule, now).values_list("pk", flat=True)[:BATCH]):
            yield _erase_predictions(rule, predictions, now=now)


def _expired_cases(rule: RetentionRule, now: datetime) -> QuerySet[Case]:
    if rule.case_years is None:
        return Case.objects.none()
    opened_before = years_before(now, rule.case_years)
    return Case.objects.filter(site=rule.site, copy_of=None, opened_at__lt=opened_before).order_by(
        "opened_at", "pk"
    )


def _expired_predictions(rule: RetentionRule, now: datetime) -> QuerySet[Prediction]:
    """Select old results that a newer one has replaced and to which no reading, view or delivery refers."""
    if rule.replaced_prediction_years is None:
        return Prediction.objects.none()
    finished_before = years_before(now, rule.replaced_prediction_years)
    old = Prediction.objects.filter(
        case__site=rule.site, status=JobStatus.DONE, finished_at__lt=finished_before
    )
    this = OuterRef("pk")
    newer = Prediction.objects.filter(IS_DONE, case=OuterRef("case"), queued_at__gt=OuterRef("queued_at"))
    return (
        old.filter(Exists(newer))
        .exclude(Exists(PredictionShown.objects.filter(prediction=this)))
        .exclude(Exists(AssistedReading.objects.filter(prediction=this)))
        .exclude(Exists(ResultDelivery.objects.filter(prediction=this)))
        .order_by("pk")
    )


def _erase_predictions(rule: RetentionRule, ids: list[UUID], *, now: datetime) -> Erasure:
    with transaction.atomic():
        predictions = Prediction.objects.filter(pk__in=ids)
        files = patients.prediction_files(predictions)
        deleted = predictions.delete()[1]
        reason = _("AI results replaced and older than %(years)d years")
        done = Erasure.objects.create(
            site=rule.site,
            cause=Cause.RETENTION,
            reason=reason % {"years": rule.replaced_prediction_years or 0},
            at=now,
            rows=deleted,
            pending={"media": files, "snapshots": {}},
        )
        detail = {"site": str(rule.site), "rows": done.rows, "files": len(files)}
        audit.record(action=Action.RETENTION_APPLIED, by=None, target=done, detail=detail, now=now)
    erasure.finish(done)
    return done
