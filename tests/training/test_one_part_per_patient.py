"""A patient in two parts of one split cannot be stored, and the uses of a test set are counted."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.training.models import SnapshotLabel, TrainingRun
from diagnostics.training.selectors.snapshots import test_set_uses as uses_of
from tests.training.conftest import Sign, logged_in


@pytest.fixture
def run(active_version: ModelVersion, now: datetime) -> TrainingRun:
    return TrainingRun.objects.create(number=1, queued_at=now, status="done")


def label(run: TrainingRun, reading: Reading, part: str, **columns: object) -> SnapshotLabel:
    return SnapshotLabel(
        run=run,
        case=reading.case,
        label=reading.pk,
        imported=False,
        finding=reading.finding,
        part=part,
        **columns,
    )


@pytest.mark.parametrize("parts", [("train", "test"), ("validation", "train"), ("test", "validation")])
def test_a_patient_in_two_parts_cannot_be_stored(
    run: TrainingRun, sign: Sign, parts: tuple[str, str]
) -> None:
    rows = [label(run, sign("normal", patient="MRN-7"), part) for part in parts]

    with pytest.raises(IntegrityError, match="two parts"), transaction.atomic():
        SnapshotLabel.objects.bulk_create(rows)

    assert not SnapshotLabel.objects.exists()


def test_a_stored_label_cannot_be_moved_to_another_part_than_its_patient(
    run: TrainingRun, sign: Sign
) -> None:
    rows = [label(run, sign("normal", patient="MRN-7"), "train") for _ in range(2)]
    SnapshotLabel.objects.bulk_create(rows)

    with pytest.raises(IntegrityError, match="two parts"), transaction.atomic():
        SnapshotLabel.objects.filter(label=rows[0].label).update(part="test")


def test_excluded_labels_other_runs_and_other_patients_are_free(
    run: TrainingRun, sign: Sign, now: datetime
) -> None:
    later = TrainingRun.objects.create(number=2, queued_at=now, status="done")
    first, second, other = (sign("normal", patient=ref) for ref in ("MRN-7", "MRN-7", "MRN-8"))

    SnapshotLabel.objects.bulk_create(
        [
            label(run, first, "train"),
            label(run, second, "excluded"),
            label(run, other, "test"),
            label(later, first, "test"),
        ]
    )

    assert SnapshotLabel.objects.count() == 4


def test_the_runs_evaluated_on_a_test_set_are_counted(
    run: TrainingRun, sign: Sign, administrator: User, now: datetime
) -> None:
    reading, other = sign("normal"), sign("normal")
    runs = [run] + [
        TrainingRun.objects.create(number=number, queued_at=now, status="done", snapshot_sha256="a" * 64)
        for number in range(2, 22)
    ]
    scores = {"normal": 1.0}
    rows = [label(each, reading, "test", candidate=scores) for each in runs[:-1]]
    rows += [label(runs[-1], reading, "test"), label(runs[0], other, "train")]
    SnapshotLabel.objects.bulk_create(rows)

    assert [uses_of(runs[0]), uses_of(runs[4]), uses_of(runs[-1])] == [1, 5, 20]
    page = logged_in(administrator).get(reverse("training:snapshot", args=[runs[-1].pk])).content.decode()
    assert "20 runs were evaluated on this test set. After 20 evaluations" in page
