"""The kept figures equal a plain count of the tables, whatever has changed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import Final

import pytest
from django.db import connection
from django.db.models import Model
from sklearn.metrics import cohen_kappa_score

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.administration.selectors import workload
from diagnostics.administration.selectors.agreement import ai_reader_agreement
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.review.models import (
    AssistedReading,
    CaseFigures,
    ChangedCase,
    Consensus,
    FigureCount,
    FigureKind,
    Reading,
)
from diagnostics.review.selectors import model_performance, reader_agreement, reader_performance
from diagnostics.review.selectors.figure_counts import numbers_of, signed_labels_since, uncounted_cases
from diagnostics.review.services import kept_figures
from diagnostics.training.selectors import label_counts, labels
from tests.conftest import create_user
from tests.training import plain_figures as plain
from tests.training.random_changes import RandomChanges

pytestmark = pytest.mark.django_db
TEN_DAYS: Final = timedelta(days=10)
LATER: Final = datetime(2031, 1, 1, tzinfo=UTC)
OF_CASE: Final[dict[type[Model], str]] = {AssistedReading: "reading__case"}


@pytest.fixture
def changes(
    request: pytest.FixtureRequest, site: Site, administrator: User, radiologist: User, now: datetime
) -> RandomChanges:
    others = [Site.objects.create(name="South"), Site.objects.create(name="Demo", is_demonstration=True)]
    administrator.sites.add(others[0])
    readers = [radiologist, *(create_user(f"reader-{number}", Role.RADIOLOGIST, site) for number in range(2))]
    return RandomChanges(request.param, sites=[site, *others], readers=readers, now=now)


@pytest.mark.parametrize("changes", [1, 2], indirect=True)
def test_kept_figures_equal_a_plain_count_after_random_changes(
    changes: RandomChanges, administrator: User, now: datetime
) -> None:
    for _round in range(4):
        for _change in range(80):
            changes.change()
        while kept_figures.recount_changed(most=25):
            pass
        assert uncounted_cases() == 0
        _assert_labels_are_equal(now)
        _assert_readings_are_equal(administrator, now)
        _assert_workload_is_equal(administrator, now)


@pytest.mark.parametrize("changes", [4], indirect=True)
def test_counting_every_case_again_changes_no_figure(changes: RandomChanges) -> None:
    for _change in range(150):
        changes.change()
    while kept_figures.recount_changed():
        pass
    before = _stored()

    kept_figures.note_all_cases()
    while kept_figures.recount_changed(most=7):
        pass

    assert _stored() == before
    assert {number > 0 for number in before.values()} == {True}, "a row of 0 is removed"


def _stored() -> dict[tuple[object, ...], int]:
    rows = FigureCount.objects.values_list("site", "kind", "at", "key", "number")
    return {(site, kind, at, key): number for site, kind, at, key, number in rows}


def _assert_labels_are_equal(now: datetime) -> None:
    counts = {each.finding: (each.cases, each.patients) for each in label_counts.class_counts()}
    assert counts == plain.class_counts()
    assert {name: dict(each) for name, each in label_counts.preview_counts().items()} == (
        plain.preview_counts()
    )
    assert label_counts.imported_labels() == labels.imported_labels().count()
    assert label_counts.conflicting_cases() == labels.conflicting_cases()["cases"]
    assert label_counts.new_final_findings() == labels.training_labels.training_readings().count()
    start = now - timedelta(days=4)
    assert signed_labels_since(start) == plain.new_final_findings(start)
    kept = CaseFigures.objects.filter(label__isnull=False, site__is_demonstration=False)
    assert set(kept.values_list("label", flat=True)) == {each.label for each in labels.labelled_radiographs()}


def _assert_readings_are_equal(user: User, now: datetime) -> None:
    agreement = reader_agreement.agreement_of_readers(user)
    assert agreement.alpha.cases == len(plain.read_cases(user))
    pairs = plain.pairs(user)
    assert {(pair.first, pair.second) for pair in agreement.pairs} == set(pairs)
    for pair in agreement.pairs:
        findings = pairs[pair.first, pair.second]
        assert (pair.kappa.cases, pair.same) == (len(findings), sum(a == b for a, b in findings))
        if len({finding for both in findings for finding in both}) > 1:
            assert pair.kappa.value == pytest.approx(cohen_kappa_score(*zip(*findings, strict=True)))
    for kind, purpose in ((FigureKind.REPEAT, "repeat"), (FigureKind.REFERENCE, "reference")):
        kept = {name: dict(each) for name, each in reader_performance.by_reader(user, kind)}
        expected = {name: dict(Counter(each)) for name, each in plain.control_readings(user, purpose).items()}
        assert kept == expected
    assert numbers_of(user, FigureKind.ASSISTED) == plain.assisted(user)
    random = plain.random_cases(user)
    performance = model_performance.model_performance(user)
    assert (performance.sensitivity.count, performance.sensitivity.total) == (
        random[True, True],
        random[True, True] + random[True, False],
    )
    assert (performance.specificity.count, performance.specificity.total) == (
        random[False, False],
        random[False, False] + random[False, True],
    )
    for over in (timedelta(days=6, minutes=17), timedelta(minutes=25)):
        ai = ai_reader_agreement(user, now=now - timedelta(minutes=5), over=over)
        end = now - timedelta(minutes=5)
        assert (ai.count, ai.total) == plain.ai_agreement(user, end - over, end)


def _assert_workload_is_equal(user: User, now: datetime) -> None:
    for row in workload.waiting_cases(user, now=now):
        assert (row.waiting, row.overdue) == plain.waiting_cases(user, row.priority, now)
    for is_stat, each in zip((True, False), workload.turnaround(user, now=now, over=TEN_DAYS), strict=True):
        minutes = plain.turnaround(user, now - TEN_DAYS, now, is_stat=is_stat)
        late = quantiles(minutes, n=10, method="inclusive")[-1] if len(minutes) >= 10 else None
        assert each.cases == len(minutes)
        assert each.median == (pytest.approx(median(minutes)) if minutes else None)
        assert each.percentile_90 == (pytest.approx(late) if late is not None else None)


def test_the_triggers_exist_after_all_migrations() -> None:
    """A migration that rebuilds one of their tables on SQLite has to create them again."""
    is_postgresql = connection.vendor == "postgresql"
    table = "pg_trigger WHERE tgname" if is_postgresql else "sqlite_master WHERE type = 'trigger' AND name"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table} LIKE 'review_changed_%'")
        assert cursor.fetchone()[0] == 29  # 10 tables; new radiographs count nothing


def test_a_change_that_counts_nothing_is_not_noted(site: Site, radiologist: User, now: datetime) -> None:
    changes = RandomChanges(1, sites=[site], readers=[radiologist], now=now)

    changes.predict()

    assert not ChangedCase.objects.exists(), "neither an admission nor the first AI result of an unread case"


CHANGED_VALUES: Final[tuple[tuple[type[Model], str, object], ...]] = (
    (Case, "patient_ref", "MRN-other"),
    (Case, "withdrawn_at", LATER),
    (Case, "opened_at", LATER),
    (Case, "finalized_at", LATER),
    (Case, "on_worklist", False),
    (Case, "priority", "stat"),
    (Radiograph, "pixel_sha256", "f" * 64),
    (Radiograph, "view", "LATERAL"),
    (Radiograph, "sex", "O"),
    (Reading, "kind", "adjudication"),
    (Reading, "finding", "pneumonia"),
    (Reading, "signed_at", LATER),
    (Reading, "withdrawn_at", LATER),
    (Consensus, "finding", "pneumonia"),
    (AssistedReading, "finding", "pneumonia"),
    (Prediction, "status", "failed"),
    (Prediction, "queued_at", LATER),
    (Prediction, "outcome", "indeterminate"),
    (Prediction, "finding", "pneumonia"),
    (Prediction, "probabilities", {"covid-19": 0.25}),
    (Prediction, "operating_points", {"covid-19": 0.75}),
)


@pytest.mark.parametrize(("model", "column", "value"), CHANGED_VALUES)
def test_each_change_that_counts_is_noted(
    model: type[Model], column: str, value: object, site: Site, radiologist: User, now: datetime
) -> None:
    case = RandomChanges(1, sites=[site], readers=[radiologist], now=now).case()
    reading = Reading.objects.create(case=case, by=radiologist, finding="normal", signed_at=now)
    Consensus.objects.create(case=case, readers_needed=1, status="final", finding="normal")
    prediction = Prediction.objects.create(case=case, status="done", queued_at=now, finding="normal")
    AssistedReading.objects.create(reading=reading, prediction=prediction, finding="normal", at=now)
    ChangedCase.objects.all().delete()

    row = model._default_manager.filter(
        **{"pk": case.pk} if model is Case else {OF_CASE.get(model, "case"): case.pk}
    )
    assert row.update(**{column: value}) == 1

    assert set(ChangedCase.objects.values_list("case", flat=True)) == {case.pk}
