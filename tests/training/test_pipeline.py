"""The worker's steps for one run, with fake training: data set, candidate, comparison and model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.services import corrections
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.services import import_control, scans
from diagnostics.imports.tasks import import_batch
from diagnostics.jobs.models import JobStatus
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.services import promotions
from diagnostics.training import pipeline, snapshot
from diagnostics.training.models import TrainingRun
from diagnostics.training.policy import Parameters
from diagnostics.training.selectors import runs
from ml.datasets.hashing import hash_fraction
from ml.datasets.patient_split import CONTESTED, TEST_SHARE, TRAINED, Split
from ml.networks import bundle
from tests.training.conftest import NORMAL_SEED, Sign, drawn_radiograph, queue_run
from tests.training.fake_trainer import FakeTrainer, fake_evaluate, fake_trust_report, without_probes

pytestmark = pytest.mark.django_db(transaction=True)


def train(run_id: UUID, trainer: FakeTrainer | None = None) -> TrainingRun:
    pipeline.train(
        run_id,
        trainer=trainer or FakeTrainer(),
        evaluator=fake_evaluate,
        trust=fake_trust_report,
        leaks=without_probes,
    )
    return TrainingRun.objects.get(pk=run_id)


def test_a_run_registers_a_candidate_and_leaves_the_active_version(
    signed_radiographs: None, active_version: ModelVersion, administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now).pk)

    assert (run.status, run.failure_text, run.phase) == (JobStatus.DONE, "", "")
    assert run.candidate is not None
    assert (run.candidate.number, run.candidate.parent) == (2, active_version)
    assert run.candidate.verdict == "inconclusive"
    assert run.candidate.manifest["metrics"]["test"]["curves"]["target"] == "covid-19"
    assert run.candidate.comparison["active_evaluation"]["curves"]["target"] == "covid-19"
    assert [epoch.number for epoch in run.epochs.all()] == [1, 2, 3]
    assert runs.available_plots(run) == {"curves", "confusion", "roc"}
    assert AuditEvent.objects.get(action=Action.RUN_FINISHED).detail["candidate"] == 2
    assert registry.active_version() == active_version
    assert not (runs.folder(run) / "bundle").exists()
    assert not runs.checkpoints(run).exists()


def test_a_candidate_trained_from_scratch_has_no_parent(
    signed_radiographs: None, administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now, Parameters.of("tiny-cnn", epochs=1)).pk)

    assert run.candidate is not None
    assert run.candidate.parent is None
    assert run.candidate.manifest["architecture"]["classes"] == ["covid-19", "normal"]


def test_a_candidate_without_a_finding_of_the_active_version_is_rejected(
    signed_radiographs: None, administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now, Parameters.of("tiny-cnn", epochs=1)).pk)

    assert run.candidate is not None
    assert run.candidate.verdict == "reject"
    assert "Pneumonia, other" in run.candidate.verdict_reason


def test_the_progress_of_the_trust_checks_is_stored(
    signed_radiographs: None, administrator: User, now: datetime
) -> None:
    run, stored = queue_run(administrator, now), []

    def trust(directory: Path, split: Split, *, on_start: Callable[[int, int, str], None]) -> None:
        on_start(12, 29, "B5")
        columns = ("phase", "checks_done", "checks_total", "check_running")
        stored.append(TrainingRun.objects.values_list(*columns).get(pk=run.pk))
        fake_trust_report(directory, split, on_start=on_start)

    pipeline.train(run.pk, trainer=FakeTrainer(), evaluator=fake_evaluate, trust=trust, leaks=without_probes)

    assert stored == [("trust-checks", 11, 29, "B5")]
    run.refresh_from_db()
    assert (run.checks_done, run.checks_total, run.check_running) == (2, 2, "")


def test_radiographs_of_an_imported_collection_become_a_candidate(
    active_version: ModelVersion, site: Site, administrator: User, now: datetime, data_folders: Path
) -> None:
    for seed in range(8):
        for folder, opacity in (("covid", True), ("normal", False)):
            path = data_folders / "ward" / folder / f"{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(drawn_radiograph(seed if opacity else NORMAL_SEED + seed, opacity=opacity))
    import_job = scans.scan_path(
        collection=data_folders / "ward",
        origin="ward",
        options=ImportOptions(),
        site=site,
        by=administrator,
        now=now,
    )
    import_control.start_import(import_job=import_job, by=administrator, now=now)
    import_batch(str(import_job.pk))

    run = train(queue_run(administrator, now).pk)

    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert run.counts["imported"] == {"cases": 16}
    assert run.candidate is not None
    card = (registry.bundle_path(run.candidate) / bundle.CARD).read_text()
    assert "16 labels came with imported collections and were not read at this site" in card
    assert "**Research use only. Not for diagnosis.**" in card


def test_the_snapshot_is_identified_by_its_hash_and_contains_no_patient_reference(
    signed_radiographs: None, administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now).pk)

    text = (runs.folder(run) / "snapshot.jsonl").read_bytes()
    rows = [json.loads(line) for line in text.splitlines()]
    assert run.snapshot_sha256 == hashlib.sha256(text).hexdigest()
    assert len(rows) == 16
    assert len({row["patient"] for row in rows}) == 16
    assert b"MRN" not in text
    total = sum(
        count["cases"] for part in ("train", "validation", "test") for count in run.counts[part].values()
    )
    assert total == 16


def test_damaged_radiographs_and_images_with_two_findings_are_excluded_and_counted(
    signed_radiographs: None, sign: Sign, administrator: User, now: datetime
) -> None:
    sign("normal", content=drawn_radiograph(NORMAL_SEED + 50, opacity=False)[:400])
    sign("covid-19", content=drawn_radiograph(NORMAL_SEED + 60, opacity=False))
    sign("normal", content=drawn_radiograph(NORMAL_SEED + 60, opacity=False))

    run = train(queue_run(administrator, now, leak_reason="Two readings of one radiograph.").pk)

    assert run.status == JobStatus.DONE
    assert run.counts["excluded"] == {
        "damaged": {"cases": 1, "patients": 1},
        CONTESTED: {"cases": 2, "patients": 2},
    }


def test_a_patient_whom_the_parent_was_trained_on_is_not_tested(
    signed_radiographs: None, sign: Sign, site: Site, administrator: User, now: datetime
) -> None:
    references = [f"MRN-{number}" for number in range(1000, 1200)]
    by_part: dict[bool, list[str]] = {True: [], False: []}
    for reference in references:
        pseudonym = snapshot.pseudonym(site.pk, reference, secret=settings.SECRET_KEY)
        by_part[hash_fraction(pseudonym, "test") < TEST_SHARE].append(reference)
    of_test, of_training = by_part[True][0], by_part[False][0]
    sign("covid-19", patient=of_test, content=drawn_radiograph(990, opacity=True))
    case = sign("covid-19", patient=of_training, content=drawn_radiograph(900, opacity=True)).case
    first = train(queue_run(administrator, now).pk)
    trained = set(first.labels.filter(part__in=("train", "validation")).values_list("case", flat=True))
    assert case.pk in trained
    assert first.candidate is not None
    promotions.activate(
        first.candidate, by=administrator, reason="Better.", now=now, deployment=promotions.Deployment()
    )
    corrections.merge_patients(case=case, into=of_test, reason="One person.", by=administrator, now=now)

    second = train(queue_run(administrator, now + timedelta(hours=1)).pk)

    assert second.candidate is not None
    assert second.candidate.parent == first.candidate
    assert not trained & set(second.labels.filter(part="test").values_list("case", flat=True))
    assert second.counts["excluded"][TRAINED] == {"cases": 2, "patients": 1}
