"""Retention rules: nothing is erased by default, and exactly what is older when a rule is applied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.models import Case, Prediction
from diagnostics.errors import NotAllowed
from diagnostics.integrations.models import ResultDelivery
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowPrediction
from diagnostics.privacy.errors import InvalidRetention, TrainingIsOpen
from diagnostics.privacy.models import RetentionRule
from diagnostics.privacy.policy import years_before
from diagnostics.privacy.services import retention
from diagnostics.training.models import TrainingRun
from tests.privacy.patients import Ward, stored_bytes


def set_rule(ward: Ward, cases: int | None = None, predictions: int | None = None) -> RetentionRule:
    return retention.set_rule(
        site=ward.site,
        case_years=cases,
        replaced_prediction_years=predictions,
        by=ward.administrator,
        now=ward.now,
    )


def test_without_a_rule_everything_is_kept(ward: Ward) -> None:
    ward.admit("OLD", opened_at=ward.now - timedelta(days=36_500))

    assert list(retention.apply(now=ward.now)) == []

    assert Case.objects.filter(patient_ref="OLD").exists()


def test_cases_older_than_the_period_are_erased_to_the_second(ward: Ward) -> None:
    limit = datetime(2016, 3, 2, 9, 30, tzinfo=UTC)  # ten years before `now`
    ward.admit("OLDER", opened_at=limit - timedelta(seconds=1))
    kept = ward.admit("YOUNGER", opened_at=limit)
    set_rule(ward, cases=10)

    (previewed,) = retention.preview(now=ward.now)
    done = list(retention.apply(now=ward.now))

    assert (previewed.site, previewed.cases, previewed.predictions) == (ward.site, 1, 0)
    assert list(Case.objects.filter(copy_of=None)) == [kept.case]
    assert len(stored_bytes()) == len(kept.files)
    (event,) = AuditEvent.objects.filter(action=Action.RETENTION_APPLIED)
    assert (event.by, event.target_id) == (None, str(done[0].pk))
    assert list(retention.apply(now=ward.now)) == []


def test_the_rule_of_one_site_does_not_touch_another(
    ward: Ward, other_site: Site, stranger: User, administrator: User
) -> None:
    old = ward.admit("OLD", opened_at=ward.now - timedelta(days=4000))
    Case.objects.filter(pk=old.case.pk).update(site=other_site)
    set_rule(ward, cases=1)

    list(retention.apply(now=ward.now))

    assert Case.objects.filter(pk=old.case.pk).exists()


def test_replaced_predictions_are_erased_unless_a_reader_saw_them(ward: Ward) -> None:
    seen = ward.admit("SEEN").case.predictions.get()
    case = ward.admit("CASE").case
    old = Prediction.objects.create(
        case=case, status=JobStatus.DONE, queued_at=ward.now - timedelta(days=900), **_files()
    )
    young = Prediction.objects.create(
        case=case, status=JobStatus.DONE, queued_at=ward.now - timedelta(days=90), **_files()
    )
    for prediction in (old, young, seen):
        finished = prediction.queued_at if prediction != seen else ward.now - timedelta(days=900)
        Prediction.objects.filter(pk=prediction.pk).update(finished_at=finished)
    Prediction.objects.create(
        case=seen.case, status=JobStatus.DONE, queued_at=ward.now + timedelta(1), **_files()
    )
    ShadowPrediction.objects.filter(case=case).update(prediction=old)
    set_rule(ward, predictions=2)

    (done,) = retention.apply(now=ward.now)

    assert done.rows == {"cases.Prediction": 1, "monitoring.ShadowPrediction": 1}
    assert not Prediction.objects.filter(pk=old.pk).exists()
    assert Prediction.objects.filter(pk__in=[young.pk, seen.pk]).count() == 2
    assert not storage.path(old.overlay_file).exists()
    assert storage.path(young.overlay_file).exists()


def test_a_replaced_prediction_that_was_sent_to_a_dicom_node_is_kept(ward: Ward) -> None:
    case = ward.admit("CASE").case
    long_ago = ward.now - timedelta(days=900)
    sent, replaced = (
        Prediction.objects.create(
            case=case, status=JobStatus.DONE, queued_at=long_ago, finished_at=long_ago, **_files()
        )
        for _number in range(2)
    )
    ResultDelivery.objects.update(prediction=sent)
    set_rule(ward, predictions=2)

    (previewed,) = retention.preview(now=ward.now)
    list(retention.apply(now=ward.now))

    assert previewed.predictions == 1
    assert set(Prediction.objects.filter(pk__in=[sent.pk, replaced.pk])) == {sent}
    assert storage.path(sent.overlay_file).exists()


def _files() -> dict[str, str]:
    names = storage.prediction_files(uuid4(), uuid4())
    for name in (names.heatmaps, names.overlay):
        storage.store_file(name, b"pixels")
    return {"heatmap_file": names.heatmaps, "overlay_file": names.overlay}


def test_an_open_training_run_delays_the_erasure(ward: Ward) -> None:
    ward.admit("OLD", opened_at=ward.now - timedelta(days=4000))
    set_rule(ward, cases=1)
    TrainingRun.objects.create(number=9, queued_at=ward.now)

    with pytest.raises(TrainingIsOpen):
        list(retention.apply(now=ward.now))

    assert Case.objects.filter(patient_ref="OLD").exists()


def test_a_change_of_the_rule_is_audited(ward: Ward) -> None:
    set_rule(ward, cases=10)
    set_rule(ward, cases=30, predictions=2)

    details = AuditEvent.objects.filter(action=Action.RETENTION_RULE_CHANGED).order_by("pk")
    assert [event.detail for event in details] == [
        {"case_years": 10, "replaced_prediction_years": None},
        {"case_years": 30, "replaced_prediction_years": 2},
    ]
    assert RetentionRule.objects.count() == 1


def test_a_period_of_no_years_is_refused(ward: Ward) -> None:
    with pytest.raises(InvalidRetention):
        set_rule(ward, cases=0)

    assert not RetentionRule.objects.exists()


def test_only_an_administrator_of_the_site_may_set_a_rule(ward: Ward, radiologist: User) -> None:
    ward.administrator = radiologist

    with pytest.raises(NotAllowed):
        set_rule(ward, cases=10)


def test_a_leap_day_counts_from_28_february() -> None:
    leap_day = datetime(2024, 2, 29, 12, tzinfo=UTC)

    assert years_before(leap_day, 4) == datetime(2020, 2, 29, 12, tzinfo=UTC)
    assert years_before(leap_day, 5) == datetime(2019, 2, 28, 12, tzinfo=UTC)
