"""A prediction is traced to its labels and their signers, and a label to the predictions it taught."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Prediction
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training import snapshot
from diagnostics.training.models import SnapshotLabel, TrainingRun
from diagnostics.training.selectors import labels, lineage, runs
from tests.conftest import create_user
from tests.training.conftest import Sign, logged_in

MaxQueries = Callable[[int], AbstractContextManager[Any]]


def client_of(user: User) -> APIClient:
    client, key = APIClient(), tokens.create_token(by=user, now=timezone.now())
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


def predict(case: Case, version: ModelVersion, now: datetime) -> Prediction:
    return Prediction.objects.create(
        case=case,
        version=version,
        status=JobStatus.DONE,
        queued_at=now,
        finished_at=now,
        probabilities={"normal": 1.0},
        finding="normal",
    )


@pytest.fixture
def run(active_version: ModelVersion, sign: Sign, administrator: User, now: datetime) -> TrainingRun:
    """Return a finished run on 16 readings of the radiologist, and its candidate."""
    for number in range(16):
        sign(("covid-19", "normal")[number % 2])
    candidate = ModelVersion.objects.create(
        number=2, bundle="v2", weights_sha256="", manifest={}, registered_at=now, parent=active_version
    )
    run = TrainingRun.objects.create(number=1, status=JobStatus.DONE, queued_at=now, candidate=candidate)
    entries = list(labels.labelled_radiographs())
    run.snapshot_sha256 = snapshot.freeze(runs.folder(run), snapshot.to_lines(entries, secret="s"))
    run.save()
    SnapshotLabel.objects.bulk_create(
        SnapshotLabel(
            run=run,
            case_id=entry.case,
            label=entry.label,
            imported=False,
            finding=entry.finding,
            part=("train", "train", "validation", "test")[number % 4],
        )
        for number, entry in enumerate(entries)
    )
    return run


@pytest.fixture
def predicted(run: TrainingRun, sign: Sign, now: datetime) -> Prediction:
    """Return a prediction of the candidate for a case that it was not trained on."""
    assert run.candidate is not None
    return predict(sign("normal").case, run.candidate, now)


def test_a_prediction_is_traced_to_each_label_and_its_signer(
    run: TrainingRun, predicted: Prediction, administrator: User, radiologist: User, now: datetime
) -> None:
    body = client_of(administrator).get(f"/api/v1/cases/{predicted.case_id}/lineage/").json()

    (origin,) = body["predictions"]
    assert origin["id"] == str(predicted.pk)
    assert (origin["version"]["number"], origin["run"]["number"]) == (2, 1)
    assert origin["fine_tuned_from"]["number"] == 1
    assert origin["run"]["snapshot"] == run.snapshot_sha256
    assert sum(origin["labels"].values()) == 16
    signed = [row["signature"] for row in body["training_labels"]]
    frozen = [line["reading"] for line in lines(run)]
    assert sorted(label["id"] for label in signed) == sorted(frozen)
    assert {(label["by"], label["role"], label["kind"]) for label in signed} == {
        (radiologist.username, "radiologist", "reading")
    }
    assert {label["at"] for label in signed} == {now.isoformat().replace("+00:00", "Z")}
    assert AuditEvent.objects.filter(action=Action.CASE_VIEWED, by=administrator).count() == 1


def lines(run: TrainingRun) -> list[dict[str, str]]:
    return [json.loads(line) for line in (runs.folder(run) / "snapshot.jsonl").read_text().splitlines()]


def test_a_reading_is_traced_to_the_predictions_it_taught(
    run: TrainingRun, predicted: Prediction, administrator: User
) -> None:
    label = run.labels.filter(part="train").first()
    assert label is not None

    body = client_of(administrator).get(f"/api/v1/cases/{label.case_id}/lineage/").json()

    (own,) = body["labels"]
    assert own["signature"]["id"] == str(label.label)
    (use,) = own["taught"]
    assert (use["run"]["number"], use["part"], use["version"]["number"], use["predictions"]) == (
        1,
        "train",
        2,
        1,
    )
    assert use["run"]["snapshot"] == run.snapshot_sha256


def test_a_label_that_was_excluded_has_taught_nothing(
    run: TrainingRun, predicted: Prediction, administrator: User
) -> None:
    case = run.labels.filter(part="train").first().case  # type: ignore[union-attr]
    run.labels.filter(case=case).update(part="excluded")

    (own,) = lineage.lineage_of(case, user=administrator).taught

    assert own.uses == ()


def test_a_run_of_an_earlier_release_is_found_by_its_snapshot(
    run: TrainingRun, predicted: Prediction, administrator: User
) -> None:
    case = run.labels.filter(part="train").first().case  # type: ignore[union-attr]
    SnapshotLabel.objects.all().delete()

    (own,) = lineage.lineage_of(case, user=administrator).taught

    assert [(use.run, use.part, use.predictions) for use in own.uses] == [(run, "", 1)]


def test_the_signer_of_a_label_of_another_site_is_not_named(
    run: TrainingRun, predicted: Prediction, administrator: User, other_site: Site
) -> None:
    elsewhere = run.labels.exclude(case=predicted.case_id).first()
    assert elsewhere is not None
    Case.objects.filter(pk=elsewhere.case_id).update(site=other_site)

    found = lineage.lineage_of(predicted.case, user=administrator)

    withheld = [each.signature for each in found.labels if each.signature.case is None]
    assert [(each.label, each.by) for each in withheld] == [(elsewhere.label, "")]


def test_the_page_leads_from_prediction_to_labels_and_back(
    run: TrainingRun, predicted: Prediction, administrator: User, radiologist: User
) -> None:
    client = logged_in(administrator)
    case_page = client.get(reverse("cases:case", args=[predicted.case_id])).content.decode()
    url = reverse("training:lineage", args=[predicted.case_id])

    page = client.get(url).content.decode()

    assert url in case_page
    assert reverse("registry:version", args=[run.candidate_id]) in page
    assert reverse("training:run", args=[run.pk]) in page
    assert page.count(radiologist.username) >= 16
    linked = re.findall(r"/training/cases/([0-9a-f-]{36})/lineage/", page)
    back = client.get(reverse("training:lineage", args=[linked[0]])).content.decode()
    assert "1 prediction" in back
    assert "MRN-" not in page


def test_labels_are_listed_in_pages(
    run: TrainingRun,
    predicted: Prediction,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lineage, "PAGE", 10)
    pages = [lineage.lineage_of(predicted.case, user=administrator, page=page) for page in (1, 2, 9)]

    assert [(len(page.labels), page.page, page.pages) for page in pages] == [(10, 1, 2), (6, 2, 2), (6, 2, 2)]
    assert {each.signature.label for page in pages for each in page.labels} == {
        row.label for row in run.labels.all()
    }


def test_the_number_of_queries_does_not_grow_with_labels_and_predictions(
    run: TrainingRun,
    predicted: Prediction,
    sign: Sign,
    administrator: User,
    now: datetime,
    django_assert_max_num_queries: MaxQueries,
) -> None:
    for number in range(3, 8):
        version = ModelVersion.objects.create(
            number=number, bundle=f"v{number}", weights_sha256="", manifest={}, registered_at=now
        )
        predict(predicted.case, version, now)
        other = TrainingRun.objects.create(
            number=number, status=JobStatus.DONE, queued_at=now, candidate=version, snapshot_sha256="0" * 64
        )
        for row in run.labels.all():
            row.pk, row.run, row._state.adding = None, other, True
            row.save()

    with django_assert_max_num_queries(16):
        found = lineage.lineage_of(predicted.case, user=administrator)

    assert len(found.origins) == 6


def test_the_lineage_of_another_site_is_not_found(
    predicted: Prediction, other_site: Site, radiologist: User
) -> None:
    stranger = create_user("elsewhere", Role.ADMINISTRATOR, other_site)
    url = f"/api/v1/cases/{predicted.case_id}/lineage/"

    assert client_of(stranger).get(url).status_code == 404
    assert client_of(radiologist).get(url).status_code == 403


def test_a_case_without_prediction_and_label_has_an_empty_lineage(
    active_version: ModelVersion, administrator: User, site: Site, now: datetime
) -> None:
    case = Case.objects.create(site=site, patient_ref="MRN-1", opened_by=administrator, opened_at=now)

    page = logged_in(administrator).get(reverse("training:lineage", args=[case.pk])).content.decode()

    assert "This case has no prediction." in page
    assert "This case has no signed reading and no imported label." in page
