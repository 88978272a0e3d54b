"""The page of a snapshot: counts, what changed since the last one, thumbnails, and the manifest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Radiograph
from diagnostics.registry.models import ModelVersion
from diagnostics.training import snapshot
from diagnostics.training.models import SnapshotLabel, TrainingRun
from diagnostics.training.selectors import labels, runs, snapshots
from diagnostics.training.services import snapshot_figures
from tests.training.conftest import Sign, logged_in


def frozen_run(number: int, now: datetime) -> TrainingRun:
    """Return a run whose snapshot has all current labels."""
    run = TrainingRun.objects.create(number=number, status="done", queued_at=now)
    entries = list(labels.labelled_radiographs())
    run.snapshot_sha256 = snapshot.freeze(runs.folder(run), snapshot.to_lines(entries, secret="s"))
    run.save()
    for entry in entries:
        SnapshotLabel.objects.create(
            run=run,
            case_id=entry.case,
            label=entry.label,
            imported=False,
            finding=entry.finding,
            part="train",
        )
    return run


@pytest.fixture
def two_runs(active_version: ModelVersion, sign: Sign, now: datetime) -> tuple[TrainingRun, TrainingRun]:
    """Return two runs: the second has two labels more and one less."""
    readings = [sign("normal"), sign("covid-19"), sign("normal")]
    first = frozen_run(1, now)
    readings[0].withdrawn_at = now
    readings[0].save()
    case = sign("covid-19").case
    study = datetime(2026, 3, 9, tzinfo=UTC)
    Radiograph.objects.filter(case=case).update(view="AP", sex="F", age=63, study_at=study)
    sign("normal")
    return first, frozen_run(2, now)


def test_a_snapshot_is_counted_and_compared_with_the_last(
    two_runs: tuple[TrainingRun, TrainingRun], administrator: User
) -> None:
    first, second = (snapshots.summary_of(run, user=administrator) for run in two_runs)

    assert first.change is None
    assert second.change == snapshots.Change(two_runs[0], added=2, removed=1)
    assert second.counts["finding"] == {"covid-19": 2, "normal": 2}
    assert second.counts["view"] == {"AP": 1, "": 3}
    assert second.counts["age"] == {"60-69": 1, "": 3}
    assert second.counts["month"] == {"2026-03": 1, "": 3}
    assert len(second.sample) == 4


def test_the_numbers_of_finished_runs_are_counted_once_and_again_after_an_erasure(
    two_runs: tuple[TrainingRun, TrainingRun], administrator: User, now: datetime
) -> None:
    live = [snapshots.summary_of(run, user=administrator) for run in two_runs]

    while snapshot_figures.count_next(now=now):
        pass

    stored = [snapshots.summary_of(run, user=administrator) for run in two_runs]
    assert stored == [replace(each, counted_at=now) for each in live]
    two_runs[0].labels.all().delete()
    assert snapshots.summary_of(two_runs[1], user=administrator).change == live[1].change
    snapshot_figures.count_again([two_runs[0].pk])
    assert snapshots.summary_of(two_runs[1], user=administrator).change is None, "no earlier run has labels"


def test_the_page_shows_counts_change_and_thumbnails(
    two_runs: tuple[TrainingRun, TrainingRun], administrator: User
) -> None:
    run = two_runs[1]

    page = logged_in(administrator).get(reverse("training:snapshot", args=[run.pk])).content.decode()

    assert "2 labels added, 1 label removed since training run 1." in page
    assert page.count("radiograph.png") == 4
    assert run.snapshot_sha256 in page
    assert "MRN-" not in page


def test_the_manifest_is_the_frozen_file_and_its_download_is_audited(
    two_runs: tuple[TrainingRun, TrainingRun], administrator: User
) -> None:
    run = two_runs[1]

    response = logged_in(administrator).get(reverse("training:manifest", args=[run.pk]))

    content = b"".join(response)
    assert content == (runs.folder(run) / "snapshot.jsonl").read_bytes()
    assert b"MRN-" not in content
    event = AuditEvent.objects.get(action=Action.SNAPSHOT_EXPORTED)
    assert event.detail == {"number": 2, "sha256": run.snapshot_sha256}
