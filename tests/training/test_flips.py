"""Cases whose flag a promotion would change, on recent cases or on the test set."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.cases.models import Case, Prediction
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import Part, SnapshotLabel, TrainingRun
from diagnostics.training.selectors import flips
from tests.conftest import create_user
from tests.training.conftest import Sign, logged_in, queue_run
from tests.training.test_pipeline import train


@pytest.fixture
def candidate(active_version: ModelVersion, now: datetime) -> ModelVersion:
    return ModelVersion.objects.create(
        number=2,
        bundle="v2",
        weights_sha256="1" * 64,
        manifest=active_version.manifest,
        comparison={"active": "v1"},
        registered_at=now,
    )


def scored(case: Case, version: ModelVersion, probability: float, now: datetime) -> None:
    Prediction.objects.create(
        case=case,
        version=version,
        status=JobStatus.DONE,
        queued_at=now,
        finished_at=now,
        probabilities={"covid-19": probability},
        finding="covid-19",
    )


def compared(candidate: ModelVersion, active: ModelVersion, user: User, *, threshold: float) -> flips.Flips:
    return flips.flips(
        candidate=candidate,
        active=active,
        finding="covid-19",
        before={"covid-19": 0.5},
        after={"covid-19": threshold},
        user=user,
    )


def test_recent_cases_that_both_versions_scored_are_compared(
    candidate: ModelVersion, active_version: ModelVersion, sign: Sign, administrator: User, now: datetime
) -> None:
    cases = [sign("normal").case for _ in range(4)]
    for case, before, after in zip(cases, (0.6, 0.4, 0.7, 0.2), (0.3, 0.45, 0.8, 0.1), strict=True):
        scored(case, active_version, before, now)
        scored(case, candidate, after, now)
    scored(sign("normal").case, active_version, 0.9, now)  # by one version only

    found = compared(candidate, active_version, administrator, threshold=0.4)

    assert (found.live, found.compared, found.added, found.removed) == (True, 4, 1, 1)
    assert {(flip.case, flip.before, flip.after, flip.flagged) for flip in found.listed} == {
        (cases[0], 0.6, 0.3, False),
        (cases[1], 0.4, 0.45, True),
    }


def case_of_test_set(sign: Sign, candidate: ModelVersion, active: ModelVersion, now: datetime) -> Case:
    """Return a case of the test set that the active version flags, and store one of the training set."""
    run = TrainingRun.objects.create(number=1, parent=active, candidate=candidate, queued_at=now)
    case, trained_on = sign("normal").case, sign("normal").case
    for each, part in ((case, Part.TEST), (trained_on, Part.TRAIN)):
        SnapshotLabel.objects.create(
            run=run,
            case=each,
            label=each.pk,
            imported=False,
            finding="normal",
            part=part,
            candidate={"covid-19": 0.3},
            active={"covid-19": 0.6},
        )
    return case


def test_without_live_scores_the_test_set_is_compared_and_the_page_says_so(
    candidate: ModelVersion, active_version: ModelVersion, sign: Sign, administrator: User, now: datetime
) -> None:
    case = case_of_test_set(sign, candidate, active_version, now)

    page = logged_in(administrator).get(reverse("training:flips", args=[candidate.pk])).content.decode()
    lower = {"target": "threshold", "value": "0.25"}
    unchanged = logged_in(administrator).get(reverse("training:flips", args=[candidate.pk]), lower)

    assert "v2 has scored no recent case: compared on 1 radiograph of its test set." in page
    assert "0 would be flagged, 1 no longer." in page
    assert reverse("cases:radiograph", args=[case.pk]) in page
    assert "0 would be flagged, 0 no longer." in unchanged.content.decode()


def test_a_test_set_scored_with_another_active_version_is_not_compared(
    candidate: ModelVersion, active_version: ModelVersion, sign: Sign, administrator: User, now: datetime
) -> None:
    case_of_test_set(sign, candidate, active_version, now)
    assert compared(candidate, active_version, administrator, threshold=0.5).compared == 1

    candidate.comparison = {"active": "v7"}

    assert compared(candidate, active_version, administrator, threshold=0.5).compared == 0


def test_cases_of_other_sites_and_withheld_results_are_left_out(
    candidate: ModelVersion,
    active_version: ModelVersion,
    sign: Sign,
    site: Site,
    other_site: Site,
    administrator: User,
    now: datetime,
) -> None:
    case = sign("normal").case
    scored(case, active_version, 0.6, now)
    scored(case, candidate, 0.3, now)
    stranger = create_user("elsewhere", Role.ADMINISTRATOR, other_site)
    seen = [
        compared(candidate, active_version, user, threshold=0.5).compared
        for user in (administrator, stranger)
    ]
    Case.objects.update(finalized_at=None)
    site.administrators_see_predictions = False
    site.save()

    assert seen == [1, 0]
    assert compared(candidate, active_version, administrator, threshold=0.5).compared == 0


@pytest.mark.django_db(transaction=True)
def test_a_run_stores_its_labels_with_their_part_and_the_predictions_on_the_test_set(
    signed_radiographs: None, administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now).pk)

    rows = list(run.labels.select_related("case"))
    counts = {part: sum(row.part == part for row in rows) for part in ("train", "validation", "test")}
    assert len(rows) == 16
    assert counts == {part: sum(count["cases"] for count in run.counts[part].values()) for part in counts}
    tested = [row for row in rows if row.part == Part.TEST]
    assert all(sum(row.candidate.values()) == pytest.approx(1) for row in tested)
    assert all(sum(row.active.values()) == pytest.approx(1) for row in tested)
    assert not any(row.candidate or row.active for row in rows if row.part != Part.TEST)
